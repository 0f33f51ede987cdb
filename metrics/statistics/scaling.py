"""The scale of TSGBench's comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison

Scaled = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""The windows of ``control`` and the synthetic ones, shape (window, lead, sample), without unit."""


def min_max(comparison: Comparison) -> Scaled:
    """Return both sides with each sample of each lead scaled so that ``control`` fills [0, 1].

    After ``MinMaxScaler`` in src/utils.py of https://github.com/YihaoAng/TSGBench::

        x ↦ (x − min) / (max − min + 10⁻⁷)

    The minimum and maximum are over the real windows of each lead and *each sample* on its own.  This
    removes the mean shape of the windows and leaves their differences; synthetic windows may leave
    [0, 1].  TSGBench scales by its training windows, here ``control`` scales.  If all control windows are
    equal in a sample, TSGBench magnifies a synthetic one's difference by 10⁷; here such a sample is 0 on
    both sides and does not count.

    Raises:
        Skip: the control windows are all equal.
    """
    return comparison.memo("statistics min-max", lambda: _min_max(comparison))


def _min_max(comparison: Comparison) -> Scaled:
    control = comparison.splits.control.signals.astype(np.float64)
    synthetic = comparison.synthetic.signals.astype(np.float64)
    low, high = control.min(axis=0), control.max(axis=0)
    varies = high > low
    if not varies.any():
        raise Skip("the control windows are all equal")
    scale = np.where(varies, 1 / (high - low + 1e-7), 0)
    return (control - low) * scale, (synthetic - low) * scale
