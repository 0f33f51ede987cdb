from __future__ import annotations

import numpy as np
import pytest

from ecgbench.contracts.errors import Skip
from ecgbench.gaussians import (
    Mixture,
    class_moments,
    fitted_mixture,
    one_gaussian,
    pooled_covariance,
    root_factors,
    symmetric_roots,
)


def points(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of three numbers; class c has mean 5c and 1 + c the deviation."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    mixing = rng.standard_normal((3, 3))
    return (1 + labels[:, None]) * rng.standard_normal((len(labels), 3)) @ mixing + 5 * labels[
        :, None
    ], labels


def test_the_pooled_covariance_is_the_mean_of_the_classes_by_their_freedom() -> None:
    values, labels = points((30, 20))
    expected = (29 * np.cov(values[:30].T) + 19 * np.cov(values[30:].T)) / 48
    np.testing.assert_allclose(pooled_covariance(values, labels), expected)


def test_without_a_prior_a_class_has_its_own_moments() -> None:
    values, labels = points((30, 20))
    for label, (mean, covariance) in class_moments(values, labels, 0.0).items():
        own = values[labels == label]
        np.testing.assert_allclose(mean, own.mean(axis=0))
        np.testing.assert_allclose(covariance, np.cov(own.T))


def test_a_class_of_one_point_has_the_pooled_covariance() -> None:
    values, labels = points((30, 1))
    moments = class_moments(values, labels, 10.0)
    np.testing.assert_array_equal(moments[1].mean, values[30])
    np.testing.assert_allclose(moments[1].covariance, pooled_covariance(values, labels))


def test_one_point_alone_has_no_covariance() -> None:
    assert not class_moments(np.ones((1, 3)), np.zeros(1, dtype=np.int64), 10.0)[0].covariance.any()


@pytest.mark.parametrize("counts", [(30, 20), (30, 1), (1,)])
def test_deviations_times_their_factors_are_a_root_of_the_covariance(
    counts: tuple[int, ...],
) -> None:
    values, labels = points(counts)
    moments, factors = class_moments(values, labels, 10.0), root_factors(labels, 10.0)
    deviations = values - np.stack([moments[label].mean for label in labels])
    assert factors.keys() == moments.keys()
    for label, of in factors.items():
        root = of[:, None] * deviations
        np.testing.assert_allclose(root.T @ root, moments[label].covariance, atol=1e-9)


def test_points_whose_covariance_is_too_large_are_skipped_with_its_size() -> None:
    points = np.zeros((3, 12_000), dtype=np.float32)
    with pytest.raises(Skip, match=r"^a covariance of 12000 numbers takes 1\.1 GiB for each class"):
        class_moments(points, np.zeros(3, dtype=np.int64), prior=1.0)


def test_float32_points_have_float64_moments() -> None:
    values, labels = points((30, 20))
    low = class_moments((values + 1000).astype(np.float32), labels, 1.0)
    high = class_moments(values, labels, 1.0)
    for label in (0, 1):
        assert low[label].covariance.dtype == np.float64
        np.testing.assert_allclose(low[label].covariance, high[label].covariance, rtol=1e-3)


def test_roots_are_symmetric_and_square_to_the_covariance() -> None:
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((4, 5, 2))  # of rank 2
    covariances = factors @ np.swapaxes(factors, 1, 2)
    roots = symmetric_roots(covariances)
    np.testing.assert_allclose(roots @ roots, covariances, atol=1e-12)
    np.testing.assert_allclose(roots, np.swapaxes(roots, 1, 2), atol=1e-12)
    np.testing.assert_allclose(symmetric_roots(covariances[1]), roots[1], atol=1e-12)


def mixture(values: np.ndarray, most: int, prior: float = 0.0) -> Mixture:
    rng = np.random.default_rng(3)
    return fitted_mixture(values, most, floor=0.0, prior=prior, iterations=50, rng=rng)


def test_a_mixture_finds_the_modes_and_their_shares() -> None:
    rng = np.random.default_rng(1)
    side = rng.random(2000) < 0.3
    values = rng.standard_normal((2000, 2)) * np.where(side, 2.0, 1.0)[:, None]
    values[:, 0] += np.where(side, 20.0, -20.0)
    found = mixture(values, 4)
    order = np.argsort(found.means[:, 0])
    assert len(order) == 2
    np.testing.assert_allclose(found.weights[order], [1 - side.mean(), side.mean()])
    np.testing.assert_allclose(found.means[order][:, 0], [-20, 20], atol=0.3)
    np.testing.assert_allclose(found.covariances[order][0], np.eye(2), atol=0.15)
    np.testing.assert_allclose(found.covariances[order][1], 4 * np.eye(2), atol=0.7)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)


def test_a_prior_draws_the_covariances_of_a_mixture_together() -> None:
    rng = np.random.default_rng(1)
    side = np.arange(1000) % 2 == 0
    values = rng.standard_normal((1000, 1)) * np.where(side, 3.0, 1.0)[:, None]
    values[:, 0] += np.where(side, 50.0, -50.0)
    apart = mixture(values, 2).covariances.ravel()
    close = mixture(values, 2, prior=500.0).covariances.ravel()
    np.testing.assert_allclose(close, (apart + apart.mean()) / 2, rtol=1e-6)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_points_of_one_mode_have_one_gaussian(most: int) -> None:
    values = np.random.default_rng(0).standard_normal((500, 2))
    values -= values.mean(axis=0)
    found, expected = mixture(values, most), one_gaussian(values)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(expected.covariances[0], np.cov(values.T, bias=True))
