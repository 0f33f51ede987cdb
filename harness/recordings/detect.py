"""R peaks of recordings without marks (docs/dataset-files.md has the scores of the detectors)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.recordings.cut import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST = 2.0
"""s: detectors learn their thresholds at the start of a stretch."""


def r_peaks(signal: NDArray[np.float64], sampling_rate: float, detector: str) -> NDArray[np.int64]:
    """Return the sample of each R peak of one lead.

    Args:
        signal: shape (sample,), mV; NaN in gaps.
        sampling_rate: Hz.
        detector: ``sleepecg`` (after Pan, Tompkins, IEEE TBME 32(3):230-236, 1985) or ``xqrs`` of wfdb.
    """
    find = _sleepecg if detector == "sleepecg" else _xqrs
    found = [
        find(np.ascontiguousarray(signal[a:b]), sampling_rate) + a
        for a, b in stretches(signal[np.newaxis])
        if b - a >= SHORTEST * sampling_rate and np.ptp(signal[a:b]) > 0
    ]
    return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def _sleepecg(signal: NDArray[np.float64], sampling_rate: float) -> NDArray[np.int64]:
    from sleepecg import (  # type: ignore[attr-defined]  # noqa: PLC0415 - few datasets need it
        detect_heartbeats,
    )

    return np.asarray(detect_heartbeats(signal, sampling_rate), dtype=np.int64)


def _xqrs(signal: NDArray[np.float64], sampling_rate: float) -> NDArray[np.int64]:
    from wfdb.processing import XQRS  # noqa: PLC0415 - as above

    found = XQRS(signal, sampling_rate)
    found.detect(verbose=False)
    return np.asarray(found.qrs_inds, dtype=np.int64)
