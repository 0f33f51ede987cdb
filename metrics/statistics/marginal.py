"""`marginal-distribution-difference`: the histograms of single samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.metrics.statistics.scaling import min_max
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config
    from ecgbench.metrics.statistics.scaling import Scaled

BINS = 50
"""Bins of each histogram, as published."""


def marginal_distribution_difference(comparison: Comparison, _config: Config) -> Score:
    """Return the difference of the histograms of each sample of synthetic windows and of ``control``.

    This is the MDD of TSGBench (Ang et al., PVLDB 17:305, 2023), as ``calculate_mdd`` in
    src/feature_based_measures.py of their code computes it, on windows scaled as theirs (`min_max`).
    They write it as (1/50) Σ_b |h(b) − g(b)| with densities h and g in 50 bins of equal width.  This
    equals the sum over the shares p and q, because a bin of the scaled windows is 1/50 wide.  The first
    sample is left out, as published.  Synthetic values outside of control's range are in no bin: a
    generator with nothing in the bins scores 1, one with everything in other bins 2.

    One difference from the published code: it does not count a synthetic value on the edge of a bin.
    Here the value counts in the bin above, as a real one does, and equal sets score 0.

    The value sees only the distributions of single samples, not order in time or relations between
    samples.  The least and the greatest of the real values span the bins, so a few outliers make them
    coarse.

    Parts: ``chance``, the expected value if all windows are independent draws from one distribution
    (normal approximation).

    Contributions, to first order, with the bins kept: a window counts with the mean sign of p − q in
    its bins; a synthetic window for the person of its nearest control window.

    Raises:
        Skip: the control windows are all equal, or windows have but one sample.
    """
    if comparison.splits.control.length < 2:
        raise Skip("it leaves out the first sample of each window, and there is no other")
    control, synthetic = min_max(comparison)
    p, q = _shares(control), _shares(synthetic)
    sign = np.append(np.sign(p - q), 0.0)  # the last for no bin
    variance = p * (1 - p) * (1 / len(control) + 1 / len(synthetic))
    histograms = len(p) // BINS
    value = min(float(np.abs(p - q).sum() / histograms), 2.0)  # rounding may leave a little more
    return Score(
        value=value,
        parts={"chance": float(np.sqrt(2 / np.pi * variance).sum() / histograms)},
        contributions=Contributions.first_order(
            value,
            (comparison.splits.control.patients, _means(sign, control)),
            (people_behind(comparison), -_means(sign, synthetic)),
        ),
        n=len(control) + len(synthetic),
    )


def _bins(windows: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each value, numbered through all columns; one more for values in no bin."""
    values = windows[:, :, 1:].reshape(len(windows), -1)
    columns = values.shape[1]
    bins = np.clip(np.floor(values * BINS), -1, BINS).astype(np.int64)
    inside = (bins >= 0) & (bins < BINS)
    return np.where(inside, bins + BINS * np.arange(columns), BINS * columns)


def _shares(side: Scaled) -> NDArray[np.float64]:
    """Return the share of the windows in each bin of each column, without values in no bin."""
    columns = side.signals.shape[1] * (side.signals.shape[2] - 1)
    count = np.zeros(BINS * columns + 1, dtype=np.int64)
    for windows in side.parts():
        count += np.bincount(_bins(windows).ravel(), minlength=len(count))
    return np.asarray(count[:-1] / len(side), dtype=np.float64)


def _means(sign: NDArray[np.float64], side: Scaled) -> NDArray[np.float64]:
    """Return the mean sign of each window."""
    return np.concatenate([sign[_bins(windows)].mean(axis=1) for windows in side.parts()])
