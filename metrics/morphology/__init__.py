"""Metrics of fidelity that compare the waves of the beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench import MetricSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def ecgbench_metrics() -> Iterable[MetricSpec]:
    """Whether the waves of the beat agree."""
    return []
