"""The judge of `detection-size`: trees on the samples and the spectrum of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

BAND = 2.0
"""Hz, the width of a band of the spectrum."""


def looks(signals: Floats, sampling_rate: float, noise: Floats) -> Floats:
    """Return what the judge sees of windows: their samples, and the power of bands of 2 Hz.

    Args:
        signals: shape (window, lead, sample), mV.
        sampling_rate: Hz.
        noise: shape of the signals, mV; it is added before the spectrum is taken.

    Returns:
        float32, shape (window, feature): samples in mV, and in dB the mean of the logarithms of the
        powers in each band under a Hann taper, one lead after another.
    """
    windows, _, length = signals.shape
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    noisy = signals + noise
    noisy -= noisy.mean(axis=2, keepdims=True)
    powers = np.abs(np.fft.rfft(noisy * taper, axis=2)) ** 2
    decibels = 10 * np.log10(powers + 1e-12)
    starts = np.arange(0, decibels.shape[2], max(1, round(BAND * length / sampling_rate)))
    sizes = np.diff(np.append(starts, decibels.shape[2]))
    bands = np.add.reduceat(decibels, starts, axis=2) / sizes
    samples = signals.reshape(windows, -1)
    return np.concatenate([samples, bands.reshape(windows, -1)], axis=1).astype(np.float32)


def trees(
    known: Floats, is_synthetic: NDArray[np.bool_], unknown: Floats, count: int, seed: int
) -> NDArray[np.bool_]:
    """Return which of the unknown windows look synthetic to extremely randomised trees.

    Args:
        known: windows to learn from, shape (window, feature).
        is_synthetic: of each of them.
        unknown: windows to judge, shape (window, feature).
        count: of trees.
        seed: seeds the trees.
    """
    judge = ExtraTreesClassifier(count, random_state=seed).fit(known, is_synthetic)
    answers: NDArray[np.bool_] = judge.predict_proba(unknown)[:, 1] > 0.5
    return answers
