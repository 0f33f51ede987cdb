"""One metric, whole: a function and a spec."""

from ecgbench import Comparison, Config, MetricSpec, hookimpl


class AmplitudeConfig(Config, frozen=True):
    """Settings of `amplitude`."""

    bins: int = 50


def amplitude(comparison: Comparison, config: AmplitudeConfig) -> float:
    """Total variation between the amplitude histograms of control and synthetic windows; 0 … 1."""
    import numpy as np  # noqa: PLC0415 - here, not above: `ecgbench list` imports this file

    pair = comparison.splits.control.signals, comparison.synthetic.signals
    edges = np.linspace(-3, 3, config.bins + 1)
    real, synthetic = (np.histogram(np.clip(x, -3, 3), bins=edges)[0] / x.size for x in pair)
    return float(0.5 * np.abs(real - synthetic).sum())


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    """Offer the metric."""
    return [
        MetricSpec(
            name="amplitude",
            target=amplitude,
            config=AmplitudeConfig,
            summary="amplitude histogram distance",
            formula="½ Σ |h_control − h_synthetic|",
            family="fidelity",
            better="lower",
            bounds=(0, 1),
            ideal=0,
        )
    ]
