"""A metric with a large artefact."""

from typing import Any

from ecgbench import MetricSpec, Score, hookimpl


def big(comparison: Any, config: Any) -> Score:
    import numpy as np

    noise = np.random.default_rng(comparison.seed).bytes(50_000_000)
    return Score(value=0.5, artefacts={"noise.bin": noise})


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(name="big", target=big, summary="for tests", family="fidelity", better="lower")
    ]
