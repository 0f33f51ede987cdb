"""The real windows that utility metrics train and test on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.streams import UtilityStream
from ecgbench.large import take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import EcgWindows, Splits


def real_like_synthetic(splits: Splits, seed: int) -> EcgWindows:
    """Return training windows, as many of each class as in the order to every generator.

    They are drawn from ``train`` without replacement; if ``train`` has fewer of a class, all of them.
    """
    rng = np.random.default_rng([seed, UtilityStream.REAL_LIKE_SYNTHETIC])
    wanted = np.bincount(splits.fresh.labels, minlength=len(splits.train.classes))
    rows = []
    for label, count in enumerate(wanted):
        candidates = np.flatnonzero(splits.train.labels == label)
        rows.append(rng.permutation(candidates)[:count])
    return take(splits.train, np.sort(np.concatenate(rows)))


def spread(windows: EcgWindows, count: int) -> EcgWindows:
    """Return at most ``count`` windows, every k-th along patients, classes and time."""
    if count >= len(windows):
        return windows
    order = np.lexsort((windows.labels, windows.patients))
    return take(windows, order[np.arange(count) * len(windows) // count])


def root_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights of windows, 1/√n in a class of n, of mean 1, as `ecgbench.nn.Classifier` draws them."""
    weights = 1 / np.sqrt(np.bincount(labels)[labels])
    return np.asarray(weights / weights.mean())
