"""The QRS complex of each window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgbench.metrics.morphology.search import first, last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.metrics.morphology.search import Places

# Samples at 250 Hz, and shares of the complex's steepest slope; fitted to LUDB (docs/morphology.md).
REACH = 30
"""Farthest reach of a complex to either side of its middle."""
SIGNIFICANT = {"before": 0.24, "after": 0.16}
"""A slope of this share belongs to the complex,"""
GAP = {"before": 14, "after": 20}
"""if it is no farther than this from the next slope of the complex;"""
STRONG, WIDE = 0.33, 25
"""a slope of that share belongs to it up to that distance: the flanks of an ectopic beat are far apart."""
FLAT = {"before": 0.05, "after": 0.12}
"""The complex ends at a slope of this share, or at a minimum."""
LEAD, LAG = 4, 1
"""Cardiologists mark the first and the last deflection; the slope there is still too small to see."""
PROMINENCE = 6.0
"""Least ratio of the steepest slope to the median slope of the rest of the window."""


class Complexes(NamedTuple):
    """The QRS complex of each window: arrays of shape (window,), in samples.

    Attributes:
        present: whether there is one; if not, the other values mean nothing.
        onset, offset: its begin and its end.
        steepest: the largest absolute slope in it.
    """

    present: NDArray[np.bool_]
    onset: Places
    offset: Places
    steepest: NDArray[np.float64]


def complexes(slope: NDArray[np.float64], place: float) -> Complexes:
    """Find the QRS complex of each window.

    It stands at the largest average slope over 80 ms; a slope far from ``place`` counts less.  From its
    steepest slope the search follows significant ones to both sides.

    Args:
        slope: shape (window, sample), at scale 2² of 250 Hz.
        place: its expected place, in samples.
    """
    size = np.abs(slope)
    n = np.arange(size.shape[1])
    # a running sum of nothing is a little less than nothing
    power = np.sqrt(np.maximum(uniform_filter1d(slope**2, 20, axis=1, mode="constant"), 0))
    middle = (power * np.exp(-0.5 * ((n - place) / 37.5) ** 2)).argmax(axis=1)
    near = np.abs(n - middle[:, None]) <= REACH
    steepest = np.where(near, size, 0).max(axis=1)
    top = np.where(near, size, -1).argmax(axis=1)
    onset = np.maximum(_end(size, near, top, steepest, "before") - LEAD, 0)
    offset = np.minimum(_end(size, near, top, steepest, "after") + LAG, n[-1])
    rest = (n < onset[:, None] - 5) | (n > offset[:, None] + 5)
    # a window that is all complex has no rest to compare with
    usual = np.array(
        [np.median(row[out]) if out.any() else np.inf for row, out in zip(size, rest, strict=True)]
    )
    return Complexes((steepest > PROMINENCE * usual) & (steepest > 0), onset, offset, steepest)


def _end(
    size: NDArray[np.float64],
    near: NDArray[np.bool_],
    top: Places,
    steepest: NDArray[np.float64],
    side: str,
) -> Places:
    """Return the begin (``before``) or the end (``after``) of the complex."""
    left = np.concatenate([size[:, :1], size[:, :-1]], axis=1)
    right = np.concatenate([size[:, 1:], size[:, -1:]], axis=1)
    maximum, minimum = (size >= left) & (size > right), (size <= left) & (size < right)
    next_one = last if side == "before" else first
    outermost = top
    for _ in range(4):
        for share, gap in (STRONG, WIDE), (SIGNIFICANT[side], GAP[side]):
            beyond = next_one(maximum & near & (size > share * steepest[:, None]), outermost)
            there = (beyond >= 0) & (beyond < size.shape[1]) & (np.abs(beyond - outermost) <= gap)
            outermost = np.where(there, beyond, outermost)
    flat = minimum | (size < FLAT[side] * steepest[:, None])
    if side == "before":
        return np.asarray(last(flat, outermost) + 1)
    return np.asarray(np.minimum(first(flat, outermost), size.shape[1] - 1))
