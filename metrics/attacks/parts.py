"""Equally many training as control windows, for what depends on how many there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Skip, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows


def parts_of_train(comparison: Comparison) -> list[Comparison]:
    """The same comparison, with each of some disjoint parts of ``train`` in place of ``control``.

    Parts are of control's size and stratified by patient and class as it is, so that one of them and
    ``control`` differ by the draw alone.  What is left over belongs to no part; a ``train`` that is
    smaller than ``control`` is one part.

    Raises:
        Skip: there are fewer than three windows to compare with on a side.
    """
    train, size = comparison.splits.train, len(comparison.splits.control)
    if min(len(train), size) < 3:
        raise Skip(f"{len(train)} training and {size} control windows; three each are needed")

    def compute() -> list[Comparison]:
        rng = np.random.default_rng([comparison.seed, 6])
        part = _part(train, size, rng)
        return [
            replace(
                comparison,
                splits=replace(comparison.splits, control=train.take(part == k)),
                _memo={},
            )
            for k in range(max(1, len(train) // size))
        ]

    return comparison.memo("attack parts of train", compute)


def mean_over_synthetic(
    comparison: Comparison, values: NDArray[np.float64]
) -> tuple[float, Contributions]:
    """The mean over synthetic windows, and what the people behind them contribute to it.

    Behind a synthetic window is the person of its nearest control window: people are resampled
    together with what was synthesised after them.  One person may be behind all windows of a bad
    generator, so the mean is taken to first order, with a denominator that no resample empties.
    """
    nearest = comparison.neighbours("synthetic", "control", 2).indices[:, 0]
    behind = comparison.splits.control.patients[nearest]
    everyone = np.unique(comparison.splits.control.patients)
    value = float(values.mean())
    term = Term(
        patients=np.concatenate([behind, everyone]),
        numerators=np.concatenate([values - value, np.zeros(len(everyone))]),
        denominators=np.concatenate(
            [np.zeros(len(values)), np.full(len(everyone), len(values) / len(everyone))]
        ),
    )
    return value, Contributions.of([term], offset=value)


def _part(windows: EcgWindows, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Of each window, which part of ``size`` windows it falls to.

    Systematic sampling along the strata (patient, class), in random order within each: every stratum
    gives each part its share, give or take one.
    """
    n = len(windows)
    order = np.lexsort((rng.random(n), windows.labels, windows.patients))
    part = np.empty(n, dtype=np.int64)
    part[order] = (np.arange(n) * size + rng.integers(n)) % n // size
    return part
