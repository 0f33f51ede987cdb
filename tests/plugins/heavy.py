"""Imports numpy to say its name."""

import numpy as np

from ecgbench import MetricSpec, hookimpl


def score(comparison: object, config: object) -> float:
    return float(np.pi)


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(name="heavy", target=score, summary="heavy", family="fidelity", better="lower")
    ]
