"""Metrics for an audit to tell apart."""

from collections.abc import Iterable
from typing import Any

from ecgbench import MetricSpec, Skip, hookimpl


def roughness(comparison: Any, config: Any) -> float:
    """Mean square of the second difference: sees noise and nothing else."""
    import numpy as np

    return float(np.square(np.diff(comparison.synthetic.signals, n=2, axis=2)).mean())


def constant(comparison: Any, config: Any) -> float:
    return 0.5


def copied(comparison: Any, config: Any) -> float:
    """Share of the windows from train, bit for bit."""
    import numpy as np

    known = {window.tobytes() for window in comparison.splits.train.signals}
    return float(np.mean([w.tobytes() in known for w in comparison.synthetic.signals]))


def breaks(comparison: Any, config: Any) -> float:
    raise RuntimeError("boom")


def absent(comparison: Any, config: Any) -> float:
    raise Skip("there are no attributes")


def shy(comparison: Any, config: Any) -> float:
    """Looks at no very rough window."""
    value = roughness(comparison, config)
    if value > 0.05:
        raise Skip("this is no ECG")
    return value


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    common: dict[str, Any] = {"summary": "of the audit's tests", "better": "lower"}
    noise: dict[str, Any] = {"family": "fidelity", "sees": ("noise",), **common}
    return [
        MetricSpec(name="roughness", target=roughness, **noise),
        MetricSpec(name="slow", target=roughness, audited_on="claims", **noise),
        MetricSpec(name="constant", target=constant, family="fidelity", **common),
        MetricSpec(name="copied", target=copied, family="privacy", **common),
        MetricSpec(name="breaks", target=breaks, family="fidelity", **common),
        MetricSpec(name="shy", target=shy, audited_on="claims", **noise),
        MetricSpec(name="absent", target=absent, family="fidelity", **common),
        MetricSpec(name="idle", target=roughness, family="fidelity", sees=(), **common),
        MetricSpec(name="time", target=constant, family="cost", **common),
    ]
