"""A generator whose best settings are known, and a metric that finds them."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import numpy as np

from ecgbench import (
    Between,
    Comparison,
    Config,
    Context,
    EcgWindows,
    GeneratorSpec,
    MetricSpec,
    OneOf,
    hookimpl,
)


class WarmConfig(Config, frozen=True):
    distance: Annotated[float, msgspec.Meta(description="mV")] = 2.0
    sign: Annotated[str, msgspec.Meta(description="+ or -")] = "+"
    steps: Annotated[int, msgspec.Meta(ge=1, description="of nothing")] = 1


class Warm:
    """Training windows, moved by 0 at best: distance 1, and the sign -."""

    def __init__(self, config: WarmConfig) -> None:
        self.offset = config.distance - 1.0 if config.sign == "-" else config.distance + 1.0

    def fit(self, train: EcgWindows, context: Context) -> None:
        del context
        self.train = train

    def sample(self, labels: np.ndarray, context: Context) -> EcgWindows:
        rng = np.random.default_rng(context.seed)
        rows = [rng.choice(np.flatnonzero(self.train.labels == label)) for label in labels]
        return self.train.synthetic(self.train.signals[rows] + np.float32(self.offset), labels)


def level(comparison: Comparison, config: Any) -> float:
    """Return the difference of mean levels, of people never seen."""
    return float(abs(comparison.synthetic.signals.mean() - comparison.splits.test.signals.mean()))


@hookimpl
def ecgbench_generators() -> Iterable[GeneratorSpec]:
    return [
        GeneratorSpec(
            name="warm",
            target=Warm,
            config=WarmConfig,
            summary="its best setting is known",
            conditional=True,
            search={
                "distance": Between(0.25, 4.0, log=True),
                "sign": OneOf(("+", "-")),
                "steps": Between(1, 3),
            },
        ),
        GeneratorSpec(name="cold", target=Warm, config=WarmConfig, summary="no search space"),
    ]


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    return [
        MetricSpec(
            name="level", target=level, summary="", family="fidelity", better="lower", ideal=0
        )
    ]
