"""The features of a beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.metrics.morphology.delineate import delineate
from ecgbench.transport import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray


MILLIVOLTS, MILLISECONDS = Scale(least=0.01), Scale(least=4.0)

FEATURES = {
    "p-amplitude": MILLIVOLTS,
    "q-amplitude": MILLIVOLTS,
    "r-amplitude": MILLIVOLTS,
    "s-amplitude": MILLIVOLTS,
    "t-amplitude": MILLIVOLTS,
    "st-level": MILLIVOLTS,
    "qrs-width": MILLISECONDS,
    "qt": MILLISECONDS,
    # yes or no: ½ is the largest deviation, and the smaller one of a rare event would magnify it
    "p-presence": Scale(least=0.5, most=0.5),
}


def features(
    signals: NDArray[np.float32], sampling_rate: float, place: float
) -> dict[str, NDArray[np.float64]]:
    """Return the features of each beat.

    Args:
        signals: shape (window, lead, sample), mV.
        sampling_rate: Hz, 100 at least.
        place: the expected place of the QRS complex, in seconds from the first sample.

    Returns:
        For each of `FEATURES` an array of shape (window, lead), in mV or ms, NaN if it cannot be
        measured: all features without a QRS complex, ``qt`` without a T wave that ends in the window,
        ``st-level`` if the window ends before.  An absent wave has amplitude 0.
    """
    windows, leads, samples = signals.shape
    beats = delineate(signals.reshape(-1, samples), sampling_rate, place)
    present = np.isfinite(beats.qrs_onset)
    measured = {
        "p-amplitude": beats.p_amplitude,
        "q-amplitude": beats.q_amplitude,
        "r-amplitude": beats.r_amplitude,
        "s-amplitude": beats.s_amplitude,
        "t-amplitude": beats.t_amplitude,
        "st-level": beats.st_level,
        "qrs-width": 1000 * (beats.qrs_offset - beats.qrs_onset),
        "qt": 1000 * (beats.t_offset - beats.qrs_onset),
        "p-presence": np.where(present, np.isfinite(beats.p_peak), np.nan),
    }
    return {name: values.reshape(windows, leads) for name, values in measured.items()}
