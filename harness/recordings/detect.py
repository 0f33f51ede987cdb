"""R peaks of recordings without marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.r_peaks import r_peaks
from ecgbench.recordings.cut import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST = 2.0
"""s: a shorter stretch between gaps tells too little of the usual slope."""


def detected(signals: NDArray[np.float64], sampling_rate: float) -> NDArray[np.int64]:
    """Return the sample of each R peak (`ecgbench.r_peaks`).

    Args:
        signals: shape (lead, sample), mV; NaN in gaps.
        sampling_rate: Hz.
    """
    found = [
        np.rint(r_peaks(signals[np.newaxis, :, a:b], sampling_rate)[0] * sampling_rate) + a
        for a, b in stretches(signals)
        if b - a >= SHORTEST * sampling_rate
    ]
    return np.concatenate([np.zeros(0), *found]).astype(np.int64)
