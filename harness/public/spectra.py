"""Power spectra of windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import Skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOOR = 1e-7
"""mV²/Hz: the least power that counts.

Recorders are allowed noise of 30 µV peak to peak (IEC 60601-2-25); over 150 Hz this is 1.4 · 10⁻⁷ mV²/Hz.
"""

SAMPLES = 2**21
"""Of all leads of the windows at a time, for their memory in float64."""


def log_spectra(
    signals: NDArray[np.float32], sampling_rate: float, lowest: float, highest: float
) -> NDArray[np.float64]:
    """Return 10 log₁₀ of the power spectral density of each lead of each window.

    The periodogram of a lead less its mean, under a Hann taper; a power below `FLOOR` counts as `FLOOR`.

    Args:
        signals: shape (window, lead, sample), mV.
        sampling_rate: Hz.
        lowest: Hz, the first frequency of the band, included.
        highest: Hz, the last, included.

    Returns:
        float64, shape (window, lead, frequency).

    Raises:
        Skip: no frequency of the windows' Fourier transform is in the band.
    """
    length = signals.shape[2]
    frequencies = np.fft.rfftfreq(length, 1 / sampling_rate)
    inside = (frequencies >= lowest) & (frequencies <= highest)
    if not inside.any():
        raise Skip(f"windows of {length} samples have no frequency in the band")
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    scale = 2 / (sampling_rate * np.sum(taper**2))
    decibels = np.empty((*signals.shape[:2], int(inside.sum())))
    chunk = max(1, SAMPLES // (signals.shape[1] * length))
    for start in range(0, len(signals), chunk):
        part = signals[start : start + chunk].astype(np.float64)
        part -= part.mean(axis=2, keepdims=True)
        power = np.abs(np.fft.rfft(part * taper, axis=2)[:, :, inside]) ** 2
        decibels[start : start + chunk] = 10 * np.log10(np.maximum(scale * power, FLOOR))
    return decibels
