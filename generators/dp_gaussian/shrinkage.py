"""The best estimates of means and covariances under noise of a known deviation.

Several classes have numbers with noise of deviations s_c.  P is their average with the least noise: its
weights are in proportion to 1/s_c².  Its noise has the variance p² = 1 / Σ_c s_c⁻², and the noise of the
difference between a class and P has s_c² − p².  The differences are shrunk.  Without noise nothing
changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def shrunk_means(means: Floats, deviations: Floats) -> Floats:
    """Return James and Stein's estimate of the means of classes, its positive part.

    Each difference from P is multiplied by max(0, 1 − k (s_c² − p²) / ‖difference‖²); James and Stein
    have k − 2 in place of k (Proc 4th Berkeley Symposium 1:361, 1961).

    Args:
        means: shape (class, k).
        deviations: s, shape (class,).
    """
    pooled, variance = _pooled(means, deviations)
    differences = means - pooled
    noise = means.shape[1] * _excess(deviations, variance)
    energies = (differences**2).sum(axis=1)
    kept = np.maximum(0.0, 1 - noise / np.maximum(energies, np.finfo(float).tiny))
    return np.asarray(pooled + kept[:, None] * differences)


def shrunk_covariances(covariances: Floats, deviations: Floats) -> Floats:
    """Return the covariances of classes, by optimal shrinkage of eigenvalues.

    An eigenvalue λ of a matrix in noise becomes sign(λ) √(λ² − 4 k s²), or 0 if |λ| < 2 √k s.  This has
    the least squared error for few eigenvalues among many of noise (Gavish, Donoho, IEEE Trans Inf
    Theory 63:2137, 2017, for square matrices).  P is shrunk so, and its negative eigenvalues become 0;
    its lost variance returns as noise of its colour (`_colour`).  The difference of each class from P is
    shrunk so, too.

    Args:
        covariances: symmetric, shape (class, k, k).
        deviations: s, of the noise off the diagonal; on it, it is √2 times as large; shape (class,).

    Returns:
        Positive semidefinite matrices.
    """
    pooled, variance = _pooled(covariances, deviations)
    values, vectors = np.linalg.eigh(pooled)
    kept = np.maximum(_without_noise(values, variance), 0.0)
    denoised = _matrix(kept, vectors)
    denoised += np.diag(_colour(np.diag(pooled) - np.diag(denoised), variance))
    shrunk = np.empty_like(covariances)
    for label, excess in enumerate(_excess(deviations, variance)):
        values, vectors = np.linalg.eigh(covariances[label] - pooled)
        own = denoised + _matrix(_without_noise(values, excess), vectors)
        values, vectors = np.linalg.eigh(own)
        shrunk[label] = _matrix(np.maximum(values, 0.0), vectors)
    return shrunk


def _colour(variances: Floats, noise: float) -> Floats:
    """Return the variances of single components without their noise; their sum stays, or is 0.

    Their differences from their mean are shrunk as by James and Stein; noise alone leaves them equal.

    Args:
        variances: shape (k,); some may be negative.
        noise: p²; that of a variance, on the diagonal, is 2 p².
    """
    mean = variances.mean()
    differences = variances - mean
    energy = max(float(differences @ differences), np.finfo(float).tiny)
    kept = max(0.0, 1 - 2 * noise * max(len(variances) - 3, 0) / energy)
    coloured = np.maximum(mean + kept * differences, 0.0)
    total = coloured.sum()
    return np.asarray(coloured * (max(len(variances) * mean, 0.0) / total) if total else coloured)


def _pooled(values: Floats, deviations: Floats) -> tuple[Floats, float]:
    """P, and p²."""
    weights = deviations**-2.0
    return np.tensordot(weights / weights.sum(), values, axes=1), float(1 / weights.sum())


def _excess(deviations: Floats, variance: float) -> Floats:
    """s_c² − p²."""
    return np.asarray(np.maximum(deviations**2 - variance, 0.0))


def _without_noise(values: Floats, variance: float) -> Floats:
    return np.asarray(
        np.sign(values) * np.sqrt(np.maximum(values**2 - 4 * len(values) * variance, 0.0))
    )


def _matrix(values: Floats, vectors: Floats) -> Floats:
    return np.asarray((vectors * values) @ vectors.T)
