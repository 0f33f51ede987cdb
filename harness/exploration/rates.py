"""Intervals between beats, and heart rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

LEAST, MOST = 0.2, 3.0
"""Seconds: a longer interval is a pause, or a beat between is left out of the dataset."""

STRIP = 8.0
"""Seconds: a window of so many is a strip of several beats, a shorter one is about one beat."""

UNKNOWN = "not known: the dataset does not tell the places of the beats"


class Rates(NamedTuple):
    """Intervals between beats.

    Attributes:
        rr: float64, shape (interval,), seconds.
        labels: int64, shape (interval,), the class of the window at the end of each.
        source: of the intervals, in words.
    """

    rr: NDArray[np.float64]
    labels: NDArray[np.int64]
    source: str


def rates(windows: EcgWindows) -> Rates:
    """Return the intervals between neighbouring beats of each recording.

    Of windows around beats they come from the beats' positions.  Of strips they come from the
    detected R peaks.
    """
    if windows.length / windows.sampling_rate >= STRIP:
        return _of_strips(windows)
    if windows.records is None or windows.positions is None:
        return Rates(np.empty(0), np.empty(0, dtype=np.int64), UNKNOWN)
    order = np.lexsort((windows.positions, windows.records))
    interval = np.diff(windows.positions[order])
    same = windows.records[order][1:] == windows.records[order][:-1]
    kept = same & (interval >= LEAST) & (interval <= MOST)
    labels = windows.labels[order][1:][kept]
    return Rates(interval[kept], labels, "the positions of the beats")


def _of_strips(windows: EcgWindows) -> Rates:
    peaks = r_peaks(windows.signals, windows.sampling_rate)
    intervals = [np.diff(each) for each in peaks]
    labels = np.repeat(windows.labels, [len(each) for each in intervals])
    found = np.concatenate(intervals) if intervals else np.empty(0)
    kept = (found >= LEAST) & (found <= MOST)
    return Rates(found[kept], labels[kept], "detected R peaks")
