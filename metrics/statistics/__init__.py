"""Metrics of fidelity that compare plain statistics of the signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Whether statistics of the signals agree."""
    return []
