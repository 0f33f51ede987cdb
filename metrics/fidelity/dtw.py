"""Dynamic time warping of many pairs of windows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = 2048 * 200
"""Samples of all leads of the pairs in work at a time, so that they stay in the processor's cache."""


def dtw(
    first: NDArray[np.float32], second: NDArray[np.float32], radius: int
) -> NDArray[np.float64]:
    """Return the distance of each pair under dynamic time warping within a Sakoe–Chiba band.

    After Sakoe, Chiba (IEEE Trans ASSP 26:43, 1978), without their weights of steps: the least
    √(Σ ‖first[i] − second[j]‖²) over all paths (i, j) from the first samples to the last with steps
    (1, 0), (0, 1) or (1, 1) and |i − j| ≤ ``radius``.  All leads are warped together.
    ``radius`` 0 is the Euclidean distance.

    Args:
        first: shape (pair, lead, sample).
        second: shape (pair, lead, sample).
        radius: half-width of the band, in samples.

    Returns:
        float64, shape (pair,), in the unit of the signals.
    """
    pairs = max(1, NUMBERS // (first.shape[1] * first.shape[2]))
    blocks = [
        _block(first[start : start + pairs], second[start : start + pairs], radius)
        for start in range(0, len(first), pairs)
    ]
    squared: NDArray[np.float64] = np.concatenate([np.zeros(0), *blocks])
    return np.sqrt(squared)


def _block(
    first: NDArray[np.float32], second: NDArray[np.float32], radius: int
) -> NDArray[np.float64]:
    """Return squared distances, by the dynamic programme along anti-diagonals, all pairs at once."""
    a = np.moveaxis(first, 0, 2).swapaxes(0, 1).astype(np.float64)  # (sample, lead, pair)
    b = np.moveaxis(second, 0, 2).swapaxes(0, 1)[::-1].astype(np.float64)
    length, _, pairs = a.shape
    # cost of the best path to (i, diagonal − i) in row i + 1; no path leads outside of the band
    before = np.full((length + 1, pairs), np.inf)
    last, here = np.full_like(before, np.inf), np.full_like(before, np.inf)
    before[0] = 0
    for diagonal in range(2 * length - 1):
        low = max(0, diagonal - length + 1, (diagonal - radius + 1) // 2)
        high = min(diagonal, length - 1, (diagonal + radius) // 2) + 1
        # the next two diagonals look at these rows alone
        here[low : high + 2] = np.inf
        if low < high:
            start = length - 1 - diagonal + low  # in the reversed b
            step = a[low:high] - b[start : start + high - low]
            best = np.minimum(last[low:high], last[low + 1 : high + 1])
            np.minimum(best, before[low:high], out=best)
            best += np.einsum("ilp,ilp->ip", step, step)
            here[low + 1 : high + 1] = best
        before, last, here = last, here, before
    return last[length]
