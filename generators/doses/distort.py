"""Faults of every window alike.

Each takes the fresh windows, an amount and random numbers, and returns signals, shape (window, lead,
sample), in mV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import EcgWindows

    Signals = NDArray[Any]
    Distort = Callable[[EcgWindows, float, np.random.Generator], Signals]


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


DISTORTIONS: dict[str, Distort] = {
    "noise": noise,
    "gain": gain,
    "shift": shift,
    "warp": warp,
    "smoothing": smoothing,
    "slope": slope,
    "shrinking": shrinking,
    "gain-scatter": gain_scatter,
}


def _resampled(signals: NDArray[np.float32], places: Signals) -> Signals:
    """Return values at fractional samples, linear between them, the ends held beyond."""
    last = signals.shape[2] - 1
    places = np.clip(places, 0, last)
    left = np.minimum(places.astype(np.int64), last - 1)
    share = places - left
    return np.asarray(signals[:, :, left] * (1 - share) + signals[:, :, left + 1] * share)
