"""The quality of each window in one lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAT = 2e-3
"""mV: a window that varies by no more has one value, within the step of a converter."""

RUN = 0.03
"""Seconds of equal samples at the top or the bottom of a window: an amplifier or a converter at its end."""

LEAST_RUN = 4
"""Samples of such a run."""

WANDER = 1.0
"""Hz: slower is the baseline."""

BLOCK = 4096
"""Windows at a time."""


class Quality(NamedTuple):
    """The quality of windows in one lead.

    Attributes:
        flat: bool, shape (window,).
        saturated: bool, shape (window,).
        amplitude: float64, shape (window,), mV from the smallest to the largest sample.
        wander: float64, shape (window,), share of the power below `WANDER`; NaN of a flat window.
        noise: float64, shape (window,), µV.
    """

    flat: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    amplitude: NDArray[np.float64]
    wander: NDArray[np.float64]
    noise: NDArray[np.float64]


def quality(signals: NDArray[np.floating], rate: float) -> Quality:
    """Return the quality of windows of one lead.

    ``wander`` is one less basSQI, the power from 1 to 40 Hz as a share of that up to 40 Hz (Li, Mark, Clifford,
    Physiological Measurement 29:15, 2008, section 2.2), of the window less its mean.  ``noise`` takes the
    median absolute second difference over .6745 √6: that of white noise, in which the few steep samples of
    a QRS complex hardly count.

    Args:
        signals: shape (window, sample), mV.
        rate: Hz.
    """
    parts = [
        _quality(signals[start : start + BLOCK].astype(np.float64), rate)
        for start in range(0, len(signals), BLOCK)
    ]
    return Quality(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _quality(block: NDArray[np.float64], rate: float) -> Quality:
    amplitude = np.ptp(block, axis=1)
    flat = amplitude <= FLAT
    centred = block - block.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    frequency = np.fft.rfftfreq(block.shape[1], 1 / rate)
    total = power[:, frequency <= 40].sum(axis=1)
    slow = power[:, frequency < WANDER].sum(axis=1)
    wander = np.where(flat | (total == 0), np.nan, slow / np.where(total == 0, 1, total))
    second = np.abs(np.diff(block, 2, axis=1))
    noise = 1000 * np.median(second, axis=1) / (0.6745 * np.sqrt(6))
    return Quality(flat, _saturated(block, rate) & ~flat, amplitude, wander, noise)


def _saturated(block: NDArray[np.float64], rate: float) -> NDArray[np.bool_]:
    """Return the windows with a run of samples at their own largest or smallest value."""
    run = max(LEAST_RUN, round(RUN * rate))
    if block.shape[1] < run:
        return np.zeros(len(block), dtype=bool)
    found = np.zeros(len(block), dtype=bool)
    for end in (block.max(axis=1, keepdims=True), block.min(axis=1, keepdims=True)):
        there = block == end
        together = np.ones((len(block), block.shape[1] - run + 1), dtype=bool)
        for step in range(run):
            together &= there[:, step : step + together.shape[1]]
        found |= together.any(axis=1)
    return found
