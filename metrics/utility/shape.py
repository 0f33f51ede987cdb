"""Amplitudes, widths and slopes of windows, for a classifier of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEGMENTS = 8
"""Equal parts of a window; their deviations tell the time of events: beats before and after, too."""


def shape_features(signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return simple features of each lead of windows (window, lead, sample).

    With x the lead less its median: its largest and least value and their places; its deviation; the
    steepest rise and the steepest fall, per sample; the number of samples with |x| above half its
    largest value; and the deviation within each of eight equal segments.

    Returns:
        float32, shape (window, feature).
    """
    x = signals - np.median(signals, axis=2, keepdims=True)
    slope = np.diff(x, axis=2, append=x[:, :, -1:])
    size = np.abs(x)
    features = [
        x.max(axis=2),
        x.min(axis=2),
        x.argmax(axis=2),
        x.argmin(axis=2),
        x.std(axis=2),
        slope.max(axis=2),
        slope.min(axis=2),
        (size > size.max(axis=2, keepdims=True) / 2).sum(axis=2),
        *(part.std(axis=2) for part in np.array_split(x, min(SEGMENTS, x.shape[2]), axis=2)),
    ]
    return np.concatenate(features, axis=1, dtype=np.float32)
