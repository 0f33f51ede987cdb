"""Metrics of fidelity and diversity in the space of the ECG encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Whether two clouds of embedded windows agree."""
    return []
