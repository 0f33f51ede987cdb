"""R peaks in strips of any number of leads (docs/rhythm.md has sensitivity and predictive value)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from ecgbench.contracts.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BAND = (5.0, 20.0)
"""Hz: most of a QRS complex and little of a T wave."""

WIDTH = 0.07
"""Seconds over which the squared slope is averaged, twice: once leaves a flat top and no peak."""

STRETCH, STRETCHES = 2.0, 5
"""The level is the median, over so many stretches of so many seconds, of the largest slope of a stretch."""

SHARE = 0.3
"""A complex has at least this share of the level."""

APART = 0.2
"""Seconds: the refractory time of the ventricles."""

T_WAVE, T_SHARE = 0.36, 0.6
"""Of two peaks so near (s), one with less than this share of the other is a T or a P wave."""

NEAR = 0.06
"""Seconds from the place of the largest slope to the R peak, at most."""

OPPOSITE = 0.6
"""Weight of deflections against the usual sign: else R and S of equal height take turns."""

CONTRAST = 4
"""Power of a lead's contrast that weighs it."""

SAMPLES = 2**21
"""Of all leads of the windows at a time, for their memory in float64."""


def r_peaks(signals: NDArray[np.floating], sampling_rate: float) -> list[Floats]:
    """Return the times of the R peaks of each window.

    The root mean squared slope in `BAND`, as in the detector of Pan and Tompkins (IEEE Trans Biomed Eng
    32:230, 1985), is scaled in each lead by its own 95th percentile and averaged over the leads.  A lead
    weighs by its contrast: the fourth power of the logarithm of that percentile's ratio to the median, so a
    noisy lead says little.  Peaks of this mean above `SHARE` of the local level are beats; a weak one near
    a strong one is none.  The R peak is the largest deflection near it, from the median of the lead of
    the greatest contrast, at the vertex of a parabola through three samples; deflections against the usual
    sign of the window count less, so that R and S of equal height do not take turns.

    It has no random numbers and no memory: each window has the same peaks alone and among others.

    Args:
        signals: shape (window, lead, sample), mV; a flat window has no peaks.
        sampling_rate: Hz.

    Returns:
        For each window the times, s from its first sample, float64, shape (beat,), ascending.

    Raises:
        DataError: the sampling rate is too low for the band.
    """
    if sampling_rate <= 2 * BAND[1]:
        raise DataError(
            f"R peaks cannot be found at {sampling_rate:g} Hz; more than {2 * BAND[1]:g} Hz is needed"
        )
    peaks: list[Floats] = []
    chunk = max(1, SAMPLES // max(1, signals.shape[1] * signals.shape[2]))
    for start in range(0, len(signals), chunk):
        peaks += _r_peaks(signals[start : start + chunk].astype(np.float64), sampling_rate)
    return peaks


def _r_peaks(signals: Floats, sampling_rate: float) -> list[Floats]:
    # of a flat window the filter would leave its rounding
    signals = signals - np.median(signals, axis=2, keepdims=True)
    slope, leads = _slope(signals, sampling_rate)
    return [
        _deflections(window[lead], _complexes(of_window, sampling_rate), sampling_rate)
        for window, of_window, lead in zip(signals, slope, leads, strict=True)
    ]


def _slope(signals: Floats, sampling_rate: float) -> tuple[Floats, NDArray[np.int64]]:
    """Return the weighted mean slope, shape (window, sample), and each window's lead of most contrast."""
    sections = butter(2, BAND, "bandpass", fs=sampling_rate, output="sos")
    edge = min(round(0.5 * sampling_rate), signals.shape[2] - 1)  # a beat at 5 Hz, mirrored
    size = np.gradient(sosfiltfilt(sections, signals, axis=2, padlen=edge), axis=2) ** 2
    for _ in range(2):
        size = uniform_filter1d(size, max(1, round(WIDTH * sampling_rate)), axis=2, mode="constant")
    # a running sum of nothing is a little less than nothing
    size = np.sqrt(np.maximum(size, 0.0))
    usual, high = np.quantile(size, [0.5, 0.95], axis=2)
    least = 1e-6 * high  # of a lead that is mostly flat
    ratio = np.divide(high, np.maximum(usual, least), out=np.ones_like(high), where=high > 0)
    weights = np.log(ratio) ** CONTRAST
    scale = np.divide(weights, high, out=np.zeros_like(high), where=high > 0)
    return np.einsum("wls,wl->ws", size, scale), weights.argmax(axis=1)


def _complexes(slope: Floats, sampling_rate: float) -> NDArray[np.int64]:
    """Return the samples of the peaks of one window's slope that are QRS complexes."""
    peaks, _ = find_peaks(slope, distance=max(1, round(APART * sampling_rate)))
    height = slope[peaks]
    enough = (height > SHARE * _level(slope, sampling_rate)[peaks]) & (height > 0)
    kept: list[int] = []
    for peak in peaks[enough]:
        if kept and peak - kept[-1] < T_WAVE * sampling_rate:
            if slope[peak] < T_SHARE * slope[kept[-1]]:
                continue
            if slope[kept[-1]] < T_SHARE * slope[peak]:
                kept.pop()
        kept.append(int(peak))
    return np.array(kept, dtype=np.int64)


def _level(slope: Floats, sampling_rate: float) -> Floats:
    """Return the level at each sample."""
    count = max(1, round(len(slope) / (STRETCH * sampling_rate)))
    parts = np.array_split(slope, count)
    highest = np.array([part.max() for part in parts])
    about = min(STRETCHES, count)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(highest, about), axis=1)
    at = np.clip(np.arange(count) - about // 2, 0, len(medians) - 1)
    return np.repeat(medians[at], [len(part) for part in parts])


def _deflections(signal: Floats, places: NDArray[np.int64], sampling_rate: float) -> Floats:
    """Return the times of the largest deflections near some samples of a lead."""
    reach = round(NEAR * sampling_rate)
    if not len(places):
        return np.zeros(0)
    near = np.clip(places[:, None] + np.arange(-reach, reach + 1), 0, len(signal) - 1)
    around = signal[near]
    is_up = np.median(around.max(axis=1)) >= np.median(-around.min(axis=1))
    upright = signal if is_up else -signal
    size = np.where(upright > 0, upright, -OPPOSITE * upright)
    top = near[np.arange(len(near)), size[near].argmax(axis=1)]
    middle = np.clip(top, 1, len(size) - 2)
    left, at, right = size[middle - 1], size[middle], size[middle + 1]
    bend = left - 2 * at + right
    vertex = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
    inside = (top == middle) & (np.abs(vertex) <= 0.5)
    return np.asarray((top + np.where(inside, vertex, 0.0)) / sampling_rate)
