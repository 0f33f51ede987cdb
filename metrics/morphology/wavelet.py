"""The wavelet transform for delineation: slopes of the signal at five scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import convolve1d

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slopes(signals: NDArray[np.float64], scales: int) -> list[NDArray[np.float64]]:
    """Return the dyadic wavelet transform with a quadratic spline, à trous, at scales 2¹, 2², 2³ and so on.

    Mallat, Zhong (IEEE Trans PAMI 14:710, 1992), as in the delineation of ECG by Martínez, Almeida,
    Olmos, Rocha, Laguna (IEEE TBME 51:570, 2004).  Each scale is the derivative of the signal under a
    wider smoothing: zero at the peak of a wave, largest at its steepest place.  No scale is decimated.
    At the ends of a window the signal continues with its last value.

    Args:
        signals: shape (window, sample).
        scales: their number.

    Returns:
        For each scale an array of that shape; its entry n is the slope between samples n − 1 and n.
    """
    smooth, slopes_by_scale = signals, []
    for scale in range(scales):
        step = 2**scale
        difference = np.zeros(step + 1)
        difference[[0, -1]] = 2.0, -2.0
        low_pass = np.zeros(3 * step + 1)
        low_pass[::step] = 0.125, 0.375, 0.375, 0.125
        # filters of even length stand between two samples: the first transform and the first
        # smoothing both take the half sample towards the past, all others are symmetric
        origin = -1 if scale == 0 else 0
        slopes_by_scale.append(
            convolve1d(smooth, difference, axis=1, mode="nearest", origin=origin)
        )
        smooth = convolve1d(smooth, low_pass, axis=1, mode="nearest", origin=origin)
    return slopes_by_scale
