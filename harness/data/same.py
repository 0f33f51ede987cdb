"""Finds equal windows, but for rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-3
"""mV by which samples of equal windows may differ: a fifth of the step of a usual converter."""

LOOKS = 8
"""Samples of a window to compare first."""

SOME = 500
"""Windows, about, to find the most variable sample."""

BLOCK = 256
"""Windows at a time."""


def same_windows(
    left: NDArray[np.float32], right: NDArray[np.float32], tolerance: float = TOLERANCE
) -> NDArray[np.int64]:
    """Find for each window another with equal samples, within a tolerance.

    Args:
        left: float32, shape (window, lead, sample), mV.
        right: the same, of as many leads and samples.
        tolerance: mV.

    Returns:
        int64, shape (window of left,): the row of the first such window of ``right``; −1 for none.
    """
    found = np.full(len(left), -1, dtype=np.int64)
    if not len(left) or not len(right):
        return found
    left, right = (side.reshape(len(side), -1) for side in (left, right))
    looks = _looks(right)
    first = right[:, looks[0]].astype(np.float64)
    order = np.argsort(first, kind="stable")
    ordered = first[order]
    for start in range(0, len(left), BLOCK):
        block = left[start : start + BLOCK]
        value = block[:, looks[0]].astype(np.float64)
        low = np.searchsorted(ordered, value - tolerance, side="left")
        counts = np.searchsorted(ordered, value + tolerance, side="right") - low
        rows = np.repeat(np.arange(len(block)), counts)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        others = order[np.repeat(low, counts) + places]
        for look in looks[1:]:
            near = np.abs(block[rows, look] - right[others, look]) <= tolerance
            rows, others = rows[near], others[near]
        for row, other in sorted(zip(rows.tolist(), others.tolist(), strict=True), reverse=True):
            if np.abs(block[row] - right[other]).max() <= tolerance:
                found[start + row] = other
    return found


def is_flat(windows: NDArray[np.float32], tolerance: float = 2 * TOLERANCE) -> NDArray[np.bool_]:
    """Return a mask of the windows with one value in each lead, within so many mV."""
    return np.asarray(np.ptp(windows, axis=2).max(axis=1) <= tolerance)


def _looks(right: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the indices of samples to compare first: the most variable one, then others at even steps."""
    size = right.shape[1]
    varies = int(right[:: max(1, len(right) // SOME)].std(axis=0).argmax())
    evenly = np.linspace(0, size - 1, min(LOOKS, size)).astype(np.int64)
    return np.array([varies, *evenly], dtype=np.int64)
