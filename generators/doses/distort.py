"""Faults of every window alike.

Each takes the fresh windows, an amount and random numbers, and returns signals, shape (window, lead,
sample), in mV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import EcgWindows

    Signals = NDArray[Any]
    Distort = Callable[[EcgWindows, float, np.random.Generator], Signals]

BEFORE, AFTER = 0.06, 0.06
"""Seconds before and after an R peak: a QRS complex."""


def noise(windows: EcgWindows, amount: float, rng: np.random.Generator) -> Signals:
    """Return the windows under white noise of ``amount`` deviations of the lead."""
    deviation = windows.signals.std(axis=(0, 2), keepdims=True, dtype=np.float64)
    noise = rng.standard_normal(windows.signals.shape)
    return np.asarray(windows.signals + amount * deviation * noise)


def gain(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Return every amplitude times 1 + ``amount``."""
    return windows.signals * (1.0 + amount)


def gain_scatter(windows: EcgWindows, amount: float, rng: np.random.Generator) -> Signals:
    """Return each window times a factor of its own, log-normal of median 1 and deviation ``amount``."""
    factors = np.exp(amount * rng.standard_normal((len(windows), 1, 1)))
    return np.asarray(windows.signals * factors)


def shift(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Return the windows later by ``amount`` seconds; the first sample fills the time before."""
    samples = np.arange(windows.signals.shape[2])
    return _resampled(windows.signals, samples - amount * windows.sampling_rate)


def warp(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Return the windows slower about their middle: everything is 1 + ``amount`` as wide."""
    samples = np.arange(windows.signals.shape[2])
    middle = (len(samples) - 1) / 2
    return _resampled(windows.signals, middle + (samples - middle) / (1.0 + amount))


def smoothing(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Return the windows convolved with a Gaussian of ``amount`` seconds deviation."""
    sigma = amount * windows.sampling_rate
    if sigma == 0:
        return windows.signals
    return np.asarray(gaussian_filter1d(windows.signals, sigma, axis=2, mode="nearest"))


def slope(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Divide the amplitude spectrum by frequency to the power ``amount``; windows keep their deviation."""
    signals = windows.signals.astype(np.float64)
    mean = signals.mean(axis=2, keepdims=True)
    spectrum = np.fft.rfft(signals - mean, axis=2)
    frequency = np.arange(spectrum.shape[2], dtype=np.float64)
    frequency[0] = 1.0
    tilted = np.fft.irfft(spectrum / frequency**amount, n=signals.shape[2], axis=2)
    before, after = (part.std(axis=2, keepdims=True) for part in (signals, tilted))
    kept = np.divide(before, after, out=np.ones_like(after), where=after > 0)
    return np.asarray(mean + tilted * kept)


def shrinking(windows: EcgWindows, amount: float, _rng: np.random.Generator) -> Signals:
    """Return the windows nearer to the mean of their class by the share ``amount``."""
    signals = windows.signals.astype(np.float64)
    for label in np.unique(windows.labels):
        rows = windows.labels == label
        signals[rows] -= amount * (signals[rows] - signals[rows].mean(axis=0))
    return signals


def jittered_rhythm(windows: EcgWindows, amount: float, rng: np.random.Generator) -> Signals:
    """Move each beat by a normal time of ``amount`` seconds deviation, cut off at two; other time is stretched.

    A beat moves as a whole, from `BEFORE` to `AFTER` its R peak, and so keeps its shape.  The interval
    between two beats keeps two fifths of its length at least, and the first and the last sample stay.
    """
    rate, last = windows.sampling_rate, windows.length - 1
    jitter = amount * np.clip(rng.standard_normal((len(windows), windows.length)), -2, 2)
    signals = windows.signals.astype(np.float64)
    samples = np.arange(windows.length)
    for window, peaks, moves in zip(signals, r_peaks(windows.signals, rate), jitter, strict=True):
        if len(peaks) < 2:
            continue
        room = 0.3 * np.diff(np.concatenate([[0.0], peaks, [last / rate]]))
        most = np.minimum(room[:-1], room[1:])
        moved = peaks + np.clip(moves[: len(peaks)], -most, most)
        knots = np.stack(
            [peaks - np.minimum(BEFORE, most), peaks + np.minimum(AFTER, most)], axis=1
        )
        places = rate * np.concatenate([[0.0], knots.ravel(), [last / rate]])
        shifts = rate * np.concatenate([[0.0], np.repeat(moved - peaks, 2), [0.0]])
        # the knots' new places ascend, so that the time at each new sample is theirs to say
        window[:] = _at(window, np.interp(samples, places + shifts, places))
    return signals


DISTORTIONS: dict[str, Distort] = {
    "noise": noise,
    "gain": gain,
    "shift": shift,
    "warp": warp,
    "smoothing": smoothing,
    "slope": slope,
    "shrinking": shrinking,
    "gain-scatter": gain_scatter,
    "jittered-rhythm": jittered_rhythm,
}


def _at(window: Signals, places: NDArray[np.float64]) -> Signals:
    """Return one window, shape (lead, sample), at other places, linear between its samples."""
    samples = np.arange(window.shape[1])
    return np.stack([np.interp(places, samples, lead) for lead in window])


def _resampled(signals: NDArray[np.float32], places: Signals) -> Signals:
    """Return values at fractional samples, linear between them, the ends held beyond."""
    last = signals.shape[2] - 1
    places = np.clip(places, 0, last)
    left = np.minimum(places.astype(np.int64), last - 1)
    share = places - left
    return np.asarray(signals[:, :, left] * (1 - share) + signals[:, :, left + 1] * share)
