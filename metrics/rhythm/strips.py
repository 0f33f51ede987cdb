"""The strips of a comparison, and their RR intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import stratified
from ecgbench.contracts.streams import RhythmStream
from ecgbench.shared import beats, people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.contracts.comparison import Side
    from ecgbench.metrics.rhythm import RhythmConfig

    Intervals = list[NDArray[np.float64]]


class Strips(NamedTuple):
    """Strips of one side.

    Attributes:
        labels: int64, shape (strip,).
        people: int64, shape (strip,): of a synthetic strip the person of the nearest control window.
        intervals: RR intervals of each strip, s, between successive R peaks.
    """

    labels: NDArray[np.int64]
    people: NDArray[np.int64]
    intervals: Intervals


def strips(comparison: Comparison, config: RhythmConfig) -> tuple[Strips, Strips]:
    """Return ``control`` and the synthetic strips, at most ``windows`` of each, classes in proportion."""
    rng = np.random.default_rng([comparison.seed, RhythmStream.WINDOWS])
    return _side(comparison, "control", config, rng), _side(comparison, "synthetic", config, rng)


def _side(
    comparison: Comparison, side: Side, config: RhythmConfig, rng: np.random.Generator
) -> Strips:
    windows = comparison.windows(side)
    rows = stratified(windows.labels, config.windows, rng)
    people = people_behind(comparison) if side == "synthetic" else windows.patients
    key = f"rr intervals {side} {config.windows}"
    intervals: Intervals = comparison.memo(
        key, lambda: [np.diff(peaks) for peaks in beats(comparison, side, rows)]
    )
    return Strips(windows.labels[rows], people[rows], intervals)
