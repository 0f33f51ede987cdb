"""Gaussians and mixtures of Gaussians of classes, also of classes with few windows.

A class can have fewer windows than numbers in a window, or only one.  So the covariance of class c is
shrunk towards the pooled covariance within classes S, which counts as ``prior`` windows::

    Σ_c = (n_c C_c + prior · S) / (n_c − 1 + prior)

with n_c the windows of the class and C_c their mean square about their mean.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.contracts.errors import Skip

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.mixture import GaussianMixture

    Floats = NDArray[np.float64]

MOST_NUMBERS = 4000
"""Of a point: its covariance takes 122 MiB, and the time of its root grows with the third power."""

HELD_OUT = 5
"""One point in so many is held out of the fit that chooses the number of Gaussians."""


class Moments(NamedTuple):
    """The Gaussian of a class.

    Attributes:
        mean: μ_c, float64, shape (number,).
        covariance: Σ_c, float64, shape (number, number).
    """

    mean: Floats
    covariance: Floats


class Mixture(NamedTuple):
    """Gaussians of one class.

    Attributes:
        weights: π, float64, shape (Gaussian,), sum 1.
        means: m, float64, shape (Gaussian, number).
        covariances: C, the sums of squares divided by the number of points, float64, shape
            (Gaussian, number, number).
        shares: of each point in each Gaussian, float64, shape (point, Gaussian), row sums 1.
    """

    weights: Floats
    means: Floats
    covariances: Floats
    shares: Floats


def check_numbers(numbers: int) -> None:
    """Refuse a covariance that no machine should hold.

    Raises:
        Skip: there are more than `MOST_NUMBERS`.
    """
    if numbers > MOST_NUMBERS:
        gib = 8 * numbers**2 / 2**30
        raise Skip(
            f"a covariance of {numbers} numbers takes {gib:.1f} GiB for each class, and minutes; at "
            f"most {MOST_NUMBERS}: fewer leads, or shorter windows"
        )


def class_moments(
    points: NDArray[np.floating], labels: NDArray[np.int64], prior: float
) -> dict[int, Moments]:
    """Return the mean and the shrunk covariance of each class in ``labels``.

    Args:
        points: shape (point, number).
        labels: shape (point,).
        prior: weight of the pooled covariance in a class, in points.

    Raises:
        Skip: a point has more than `MOST_NUMBERS` numbers.
    """
    check_numbers(points.shape[1])
    pooled = pooled_covariance(points, labels)
    moments = {}
    for label in np.unique(labels):
        own = points[labels == label]
        mean = own.mean(axis=0, dtype=np.float64)
        scatter = (own - mean).T @ (own - mean)
        covariance = (scatter + prior * pooled) / (len(own) - 1 + prior)
        moments[int(label)] = Moments(mean, covariance)
    return moments


def root_factors(labels: NDArray[np.int64], prior: float) -> dict[int, Floats]:
    """Return what makes the deviations of points from their class means a root of each class's covariance.

    With the factors f of class c and the deviations d_i of all points, Σ_c = Σ_i f_i² d_i d_iᵀ is the
    covariance of `class_moments`.  So Σ_i f_i ε_i d_i, with ε_i ~ N(0, 1), is a draw from N(0, Σ_c), and no
    matrix of number × number is needed: the way for points of more than `MOST_NUMBERS` numbers.

    Args:
        labels: of the points, shape (point,).
        prior: weight of the pooled covariance in a class, in points.

    Returns:
        float64, shape (point,), for each class in ``labels``.
    """
    classes = np.unique(labels)
    pooled = prior / max(len(labels) - len(classes), 1)
    factors = {}
    for label in classes:
        own = labels == label
        factors[int(label)] = np.sqrt((own + pooled) / (own.sum() - 1 + prior))
    return factors


def pooled_covariance(points: NDArray[np.floating], labels: NDArray[np.int64]) -> Floats:
    """Return the covariance within classes, S, shape (number, number).

    Args:
        points: shape (point, number).
        labels: shape (point,).
    """
    within = points.astype(np.float64)
    classes = np.unique(labels)
    for label in classes:
        within[labels == label] -= within[labels == label].mean(axis=0)
    return np.asarray(within.T @ within / max(len(points) - len(classes), 1))


def symmetric_roots(covariances: Floats) -> Floats:
    """Return the symmetric root of each covariance, which may be singular.

    No sign or rotation of eigenvectors changes it, so draws by it are the same under every LAPACK.

    Args:
        covariances: shape (…, number, number).
    """
    values, vectors = np.linalg.eigh(covariances)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.asarray(roots @ np.swapaxes(vectors, -1, -2))


def one_gaussian(points: Floats) -> Mixture:
    """Return the Gaussian of centred points as a mixture of one.

    Args:
        points: shape (point, number), about their mean.
    """
    covariance = points.T @ points / len(points)
    return Mixture(
        np.ones(1), np.zeros((1, points.shape[1])), covariance[None], np.ones((len(points), 1))
    )


def fitted_mixture(
    points: Floats,
    most: int,
    *,
    floor: float,
    prior: float,
    iterations: int,
    rng: np.random.Generator,
) -> Mixture:
    """Fit a mixture by EM from k-means, of the number of Gaussians that held-out points prefer.

    The numbers are 1, 2, 4, … up to ``most``.  The one is taken under which a fifth of the points, held
    out of a first fit, is the likeliest.  One Gaussian is `one_gaussian`.  The covariance of each of
    several is shrunk towards their mean E, which counts as ``prior`` points::

        C_j = (n_j E_j + prior · E) / (n_j + prior),    E = Σ_j π_j E_j

    Dempster, Laird, Rubin, J R Stat Soc B 39:1, 1977.

    Args:
        points: shape (point, number), about their mean.
        most: Gaussians, at most.
        floor: variance below which a Gaussian is not to shrink.
        prior: weight of E in a Gaussian, in points.
        iterations: of EM, at most.
        rng: draws the held-out points and the starts.
    """
    gaussians = _likeliest(points, most, floor, iterations, rng)
    if gaussians < 2:
        return one_gaussian(points)
    model = _fitted(points, gaussians, floor, iterations, rng)
    mean = np.tensordot(model.weights_, model.covariances_, axes=1)
    counts = (model.weights_ * len(points))[:, None, None]
    covariances = (counts * model.covariances_ + prior * mean) / (counts + prior)
    return Mixture(model.weights_, model.means_, covariances, model.predict_proba(points))


def _likeliest(
    points: Floats, most: int, floor: float, iterations: int, rng: np.random.Generator
) -> int:
    """Return the number of Gaussians under which held-out points are the likeliest."""
    numbers = [2**power for power in range(most.bit_length()) if 2**power <= most]
    if len(numbers) < 2:
        return 1
    held_out: NDArray[np.bool_] = np.zeros(len(points), dtype=bool)
    held_out[rng.permutation(len(points))[: len(points) // HELD_OUT]] = True
    likelihoods = [
        _fitted(points[~held_out], number, floor, iterations, rng).score(points[held_out])
        for number in numbers
    ]
    return int(numbers[int(np.argmax(likelihoods))])


def _fitted(
    points: Floats, gaussians: int, floor: float, iterations: int, rng: np.random.Generator
) -> GaussianMixture:
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - takes half a second
    from sklearn.mixture import GaussianMixture  # noqa: PLC0415 - as above

    model = GaussianMixture(
        gaussians,
        reg_covar=floor + 1e-9,
        max_iter=iterations,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        # after the last iteration it is a valid mixture all the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points)
