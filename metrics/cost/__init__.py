"""Costs of a generator: `fit-time`, `sample-rate`, `peak-memory`, `parameters`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Return the costs; the harness measures them while it works on a cell."""
    code = "ecgbench.metrics.cost.costs"
    infinity = float("inf")
    return [
        MetricSpec(
            name="fit-time",
            target=f"{code}:fit_time",
            summary="wall-clock time of the fit, in seconds",
            citation="ecgbench, docs/protocol.md",
            family="cost",
            better="lower",
            bounds=(0, infinity),
            formula="seconds from the start of the fit to its end",
            min_windows=1,
        ),
        MetricSpec(
            name="sample-rate",
            target=f"{code}:sample_rate",
            summary="synthetic windows drawn in a second",
            citation="ecgbench, docs/protocol.md",
            family="cost",
            better="higher",
            bounds=(0, infinity),
            formula="synthetic windows / seconds of the sampling",
            min_windows=1,
        ),
        MetricSpec(
            name="peak-memory",
            target=f"{code}:peak_memory",
            summary="largest resident memory of fit and sampling, in MiB",
            citation="ecgbench, docs/protocol.md",
            family="cost",
            better="lower",
            bounds=(0, infinity),
            formula="max resident set of the cell's process / 2²⁰",
            min_windows=1,
        ),
        MetricSpec(
            name="parameters",
            target=f"{code}:parameters",
            summary="how many parameters the fit estimated",
            citation="ecgbench, docs/protocol.md",
            family="cost",
            better="lower",
            bounds=(0, infinity),
            formula="the generator's own count",
            min_windows=1,
        ),
    ]
