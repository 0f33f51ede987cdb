"""Intervals between beats, and heart rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

    Detector = Callable[[NDArray[np.floating], float], list[NDArray[np.float64]]]
    """Given signals (window, lead, sample) and Hz, finds the R peaks of each window, in seconds from its start."""

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


def rates(windows: EcgWindows, detector: Detector | None = None) -> Rates:
    """Return the intervals between neighbouring beats of each recording.

    Of windows around beats they come from the beats' positions.  Of strips they come from a detector.

    Args:
        windows: of a dataset.
        detector: finds the R peaks in strips; None: nothing is known of strips.
    """
    if windows.length / windows.sampling_rate >= STRIP:
        return _of_strips(windows, detector)
    if windows.records is None or windows.positions is None:
        return Rates(np.empty(0), np.empty(0, dtype=np.int64), UNKNOWN)
    order = np.lexsort((windows.positions, windows.records))
    interval = np.diff(windows.positions[order])
    same = windows.records[order][1:] == windows.records[order][:-1]
    kept = same & (interval >= LEAST) & (interval <= MOST)
    labels = windows.labels[order][1:][kept]
    return Rates(interval[kept], labels, "the positions of the beats")


def _of_strips(windows: EcgWindows, detector: Detector | None) -> Rates:
    if detector is None:
        return Rates(np.empty(0), np.empty(0, dtype=np.int64), UNKNOWN)
    peaks = detector(windows.signals, windows.sampling_rate)
    intervals = [np.diff(each) for each in peaks]
    labels = np.repeat(windows.labels, [len(each) for each in intervals])
    found = np.concatenate(intervals) if intervals else np.empty(0)
    kept = (found >= LEAST) & (found <= MOST)
    return Rates(found[kept], labels[kept], "R peaks that a detector found")
