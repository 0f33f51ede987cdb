"""Two halves of the real windows, to measure the distance of two real sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.streams import StatisticsStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison

Halves = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


def halves(comparison: Comparison) -> Halves:
    """Return rows of ``control``, every other window of each person and class in either half.

    The halves are stratified as ``control`` and ``fresh`` are, so they differ as those do, but for
    their size.
    """
    control = comparison.splits.control
    chance = np.random.default_rng([comparison.seed, StatisticsStream.HALVES]).random(len(control))
    order = np.lexsort((chance, control.labels, control.patients))
    return np.sort(order[::2]), np.sort(order[1::2])
