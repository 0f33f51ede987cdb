"""`autocorrelation-difference`: how samples vary together over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import Contributions, Score
from ecgbench.metrics.statistics.scaling import min_max
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Config

LAGS = 64
"""The lags 0 to 63 samples, as published, or as many as a window has samples."""


def autocorrelation_difference(comparison: Comparison, _config: Config) -> Score:
    """Return the difference of the autocorrelations of synthetic windows and of ``control``.

    This is the ACD of TSGBench (Ang et al., PVLDB 17:305, 2023), as ``calculate_acd`` in
    src/feature_based_measures.py of their code computes it, on windows scaled as theirs (`min_max`)::

        ρ(k) = mean over windows and t of x̃(t) x̃(t + k) / mean over windows and t of x̃(t)²

    x̃ is a window less the mean over all windows and samples of its lead.  If all windows are equal to
    that mean, their autocorrelation counts as 0.

    The value does not see in which windows things happen.  Each sample is scaled on its own, so gain
    and shifts in time change it too.  On MIT-BIH (6,000 windows, 8 splits) it sees a shift by two samples
    (by one in 7 splits), a gain of 20%, smoothing by a Gaussian of one sample and noise of a fifth of
    the signal's deviation, and no less noise.

    Contributions, to first order: a window counts with its influence on ρ (its products, its square
    and its part in the mean); a synthetic window for the person of its nearest control window.

    Raises:
        Skip: the control windows are all equal.
    """
    control, synthetic = min_max(comparison)
    leads = len(comparison.synthetic.leads)
    value = 0.0
    of_control, of_synthetic = np.zeros(len(control)), np.zeros(len(synthetic))
    for sides in zip(control.leads(), synthetic.leads(), strict=True):
        real, drawn = map(_autocorrelation, sides)
        difference = drawn.values - real.values
        distance = np.linalg.norm(difference)
        value += float(distance) / leads
        if distance:
            of_control -= real.influences @ difference / (distance * leads)
            of_synthetic += drawn.influences @ difference / (distance * leads)
    return Score(
        value=value,
        contributions=Contributions.first_order(
            value,
            (comparison.splits.control.patients, of_control),
            (people_behind(comparison), of_synthetic),
        ),
        n=len(control) + len(synthetic),
    )


class _Autocorrelation(NamedTuple):
    """Values, shape (lag,), and the influence of each window on them, shape (window, lag)."""

    values: NDArray[np.float64]
    influences: NDArray[np.float64]


def _autocorrelation(windows: NDArray[np.float64]) -> _Autocorrelation:
    """Return those of all windows together, shape (window, sample)."""
    samples = windows.shape[1]
    lags = min(LAGS, samples)
    centred = windows - windows.mean()
    products = np.empty((len(windows), lags))
    slopes = np.empty(lags)  # derivative of the mean product by the mean of all samples, negative
    shape = centred.mean(axis=0)
    for k in range(lags):
        early, late = slice(samples - k), slice(k, None)
        products[:, k] = np.einsum("ij,ij->i", centred[:, early], centred[:, late])
        products[:, k] /= samples - k
        slopes[k] = shape[early].mean() + shape[late].mean()
    variance = products[:, 0].mean()
    if not variance:
        return _Autocorrelation(np.zeros(lags), np.zeros_like(products))
    values = products.mean(axis=0) / variance
    influences = products - np.outer(products[:, 0], values)
    influences -= np.outer(centred.mean(axis=1), slopes)
    return _Autocorrelation(values, influences / variance)
