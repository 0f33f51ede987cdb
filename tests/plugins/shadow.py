"""A metric that fits the generator again, twice; it can be interrupted between the two."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ecgbench import MetricSpec, Skip, hookimpl


def refits(comparison: Any, config: Any) -> float:
    if comparison.refit is None:
        raise Skip("nothing to fit again")
    train = comparison.splits.train
    first = comparison.refit(train.take(slice(0, None, 2)), 0)
    if Path(os.environ.get("INTERRUPT", os.devnull)).is_file():
        raise KeyboardInterrupt
    second = comparison.refit(train.take(slice(1, None, 2)), 1)
    return float(first.signals.mean() - second.signals.mean())


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    return [
        MetricSpec(
            name="refits",
            target=refits,
            summary="of the tests of shadow fits",
            family="privacy",
            better="lower",
            costly=True,
        )
    ]
