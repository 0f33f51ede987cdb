"""`mmd`: the squared maximum mean discrepancy, as a share of its largest value."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.fidelity import MmdConfig

QUANTILES = (0.001, 0.01, 0.1, 0.5)
"""Quantiles of the distance between two control windows: the kernel's bandwidths."""


FEWEST = 20
"""Windows of a class that the value of the class needs."""


def mmd(comparison: Comparison, config: MmdConfig) -> Score:
    r"""Return the squared maximum mean discrepancy of synthetic windows and ``control``, as a share.

    With n windows x of ``control`` and m synthetic windows y, for a Gaussian kernel of each of four
    bandwidths σ::

        a_σ = Σ_{i≠j} g_σ(x_i, x_j) / (n(n−1)),    g_σ(x, y) = exp(−‖x − y‖² / (2σ²))
        b_σ = Σ_{i≠j} g_σ(y_i, y_j) / (m(m−1)),    c_σ = Σ_{i,j} g_σ(x_i, y_j) / (nm)
        value = mean over σ of (a_σ + b_σ − 2c_σ) / (a_σ + b_σ)

    ‖·‖ is the Euclidean norm over all samples of all leads.  σ runs over the quantiles .1%, 1%, 10% and
    50% of the distance between two different windows of ``control``, so every generator is measured with
    the same bandwidths.  The numerator is the unbiased estimate of Gretton et al. (JMLR 13:723, 2012,
    equation 3).  The denominator is its largest value for windows this similar among themselves: none of
    them is like a real one.  So each bandwidth counts for a share, and no fault makes one of them outweigh
    the others.

    On MIT-BIH (26,000 windows, two seeds) white noise reads .45; one repeated window of each class .49;
    one repeated window alone .52; nothing but zeros .46; real windows with the sign changed .49, and
    1 mV too high .99.  Over a_σ alone, .006 in the narrowest kernel, these are .49, 34, 41, 39, .97
    and 2.0.

    The narrow kernels see slight noise, and the wide ones outweigh them in a plain mean.  On MIT-BIH
    (all windows, 2,000 of each side) the median alone, the usual choice, tells noise of .15 of the
    signal's deviation (p ≤ .05) with 2 of 8 seeds, a plain mean with 5, and this value with all 8.
    For noise of .1 they are 0, 1 and 4, and 4 over a_σ alone, too.

    An ideal generator draws independently and scores 0 on average, to the order of 1/n and 1/m.  The
    ``real`` row scores a little less, for it is stratified by patient as ``control`` is.  The value is 1
    for windows not like any real one, even if they are all alike.

    Parts: ``p``, the share of random exchanges of real and synthetic windows with a value at least as
    high, in kernels over the same a_σ + b_σ (it takes windows, not people, to be independent);
    ``mmd-CLASS``, the value within each class with 20 windows on both sides, with bandwidths of its own.

    Contributions are the first-order influence of each window on a_σ, b_σ and c_σ together.  With r_σ the
    value of one bandwidth, and a_σ(i), c_σ(i) the mean similarities of window i to the others of its side
    and to the other side, it is the mean over σ of 2 ((1 − r_σ) a_σ(i) − c_σ(i)) / (a_σ + b_σ).  A
    synthetic window counts for the person of its nearest control window.

    Raises:
        Skip: there are too few control windows, or they are all equal.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    rng = np.random.default_rng([comparison.seed, FidelityStream.MMD])
    real_rows = stratified(control.labels, config.windows, rng)
    synthetic_rows = stratified(synthetic.labels, config.windows, rng)
    if len(real_rows) < 2 or len(synthetic_rows) < 2:
        raise Skip("it needs two windows of control and two synthetic ones")
    discrepancy = _discrepancy(control.signals[real_rows], synthetic.signals[synthetic_rows])
    parts = {
        "p": _p_value(
            discrepancy.kernel, len(real_rows), discrepancy.value, config.permutations, rng
        )
    }
    for c, label in enumerate(comparison.classes):
        real_of_class, synthetic_of_class = (
            rng.permutation(np.flatnonzero(side.labels == c))[: config.windows]
            for side in (control, synthetic)
        )
        if min(len(real_of_class), len(synthetic_of_class)) >= FEWEST:
            with suppress(Skip):  # a class of equal windows has no bandwidth
                parts[f"mmd-{label}"] = _discrepancy(
                    control.signals[real_of_class], synthetic.signals[synthetic_of_class]
                ).value
    return Score(
        value=discrepancy.value,
        parts=parts,
        contributions=Contributions.first_order(
            discrepancy.value,
            (control.patients[real_rows], discrepancy.influence[: len(real_rows)]),
            (people_behind(comparison)[synthetic_rows], discrepancy.influence[len(real_rows) :]),
        ),
        n=len(discrepancy.kernel),
    )


class _Discrepancy(NamedTuple):
    """The value, the influence of each window on it, and the kernel of this discrepancy.

    Windows stand in the order real, synthetic; the kernel is 0 on the diagonal.
    """

    value: float
    influence: NDArray[np.float64]
    kernel: NDArray[np.float64]


def _discrepancy(real: NDArray[np.float32], synthetic: NDArray[np.float32]) -> _Discrepancy:
    n, m = len(real), len(synthetic)
    squared = _squared_distances(real, synthetic)
    among_real = squared[:n, :n][np.triu_indices(n, 1)]
    different = among_real[among_real > 0]
    if not different.size:
        raise Skip("the control windows are all equal")
    value, influence = 0.0, np.zeros(n + m)
    kernel, similar = np.zeros_like(squared), np.empty_like(squared)
    for variance in np.quantile(different, QUANTILES):
        np.multiply(squared, -0.5 / variance, out=similar)
        np.exp(similar, out=similar)
        np.fill_diagonal(similar, 0)
        real_to_real = similar[:n, :n].sum(axis=1) / (n - 1)
        synthetic_to_synthetic = similar[n:, n:].sum(axis=1) / (m - 1)
        real_to_synthetic, synthetic_to_real = (
            similar[:n, n:].mean(axis=1),
            similar[n:, :n].mean(axis=1),
        )
        within, across = (
            real_to_real.mean() + synthetic_to_synthetic.mean(),
            real_to_synthetic.mean(),
        )
        alike = 2 * across / within
        weight = 1 / (len(QUANTILES) * within)
        value += (1 - alike) / len(QUANTILES)
        influence[:n] += 2 * weight * (alike * real_to_real - real_to_synthetic)
        influence[n:] += 2 * weight * (alike * synthetic_to_synthetic - synthetic_to_real)
        similar *= weight
        kernel += similar
    return _Discrepancy(float(value), influence, kernel)


def _squared_distances(
    real: NDArray[np.float32], synthetic: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return those of all pairs of windows, real ones first; exactly 0 between equal ones."""
    signals = np.concatenate([real, synthetic])
    flat = signals.reshape(len(signals), -1).astype(np.float64)
    flat -= flat[: len(real)].mean(axis=0)  # distances stay, |a|² − 2ab + |b|² loses fewer digits
    norms = np.einsum("ij,ij->i", flat, flat)
    squared = flat @ flat.T
    squared *= -2
    squared += norms[:, None]
    squared += norms
    squared[squared < 1e-12 * norms[: len(real)].mean()] = 0  # rounding
    return squared


def _p_value(
    kernel: NDArray[np.float64],
    n: int,
    value: float,
    permutations: int,
    rng: np.random.Generator,
) -> float:
    m = len(kernel) - n
    chosen = np.zeros((len(kernel), permutations))
    for column in range(permutations):
        chosen[rng.permutation(len(kernel))[:n], column] = 1
    within = np.einsum("ij,ij->j", chosen, kernel @ chosen)
    touching = kernel.sum(axis=1) @ chosen
    rest = kernel.sum() - 2 * touching + within
    values = within / (n * (n - 1)) + rest / (m * (m - 1)) - 2 * (touching - within) / (n * m)
    return float((1 + np.sum(values >= value - 1e-12)) / (1 + permutations))
