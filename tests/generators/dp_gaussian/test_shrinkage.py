from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.generators.dp_gaussian.shrinkage import shrunk_covariances, shrunk_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 200


def noise(rng: np.random.Generator, deviation: float) -> NDArray[np.float64]:
    """Symmetric, with ``deviation`` off the diagonal."""
    square = rng.standard_normal((SIZE, SIZE)) * deviation / np.sqrt(2)
    return np.asarray(square + square.T)


def spike(size: float, place: int) -> NDArray[np.float64]:
    return np.diag(size * (np.arange(SIZE) == place))


def test_without_noise_nothing_is_shrunk() -> None:
    rng = np.random.default_rng(0)
    means, deviations = rng.standard_normal((3, 5)), np.full(3, 1e-9)
    factors = rng.standard_normal((3, 5, 5))
    covariances = factors @ factors.transpose(0, 2, 1)
    np.testing.assert_allclose(shrunk_means(means, deviations), means, atol=1e-7)
    np.testing.assert_allclose(shrunk_covariances(covariances, deviations), covariances, atol=1e-7)


def test_equal_means_in_noise_become_their_weighted_average() -> None:
    rng = np.random.default_rng(1)
    deviations = np.array([0.1, 1.0, 5.0])
    means = rng.standard_normal((3, 2000)) * deviations[:, None]
    weights = deviations**-2.0
    average = weights @ means / weights.sum()
    # a positive part leaves about (2 / k)^¼ of the noise of a difference of k numbers
    error = np.sqrt(np.mean((shrunk_means(means, deviations) - average) ** 2, axis=1))
    assert (error < 0.3 * deviations).all()


def test_the_risk_of_means_is_that_of_james_and_stein() -> None:
    rng = np.random.default_rng(2)
    size, deviations = 400, np.array([1e-6, 1.0])
    true = np.stack([np.zeros(size), np.full(size, 0.8)])
    errors = [
        np.mean((shrunk_means(true + deviations[:, None] * z, deviations) - true)[1] ** 2)
        for z in rng.standard_normal((50, 2, size))
    ]
    # noise 1 and signal .8² leave .8² / (1 + .8²) of the noise
    assert np.mean(errors) == pytest.approx(0.64 / 1.64, rel=0.05)


def test_the_error_of_a_spike_in_noise_is_the_least_there_is() -> None:
    rng = np.random.default_rng(3)
    deviation, size = 0.1, 4.0
    edge = SIZE * deviation**2
    errors = []
    for _ in range(20):
        noisy = spike(size, 3) + noise(rng, deviation)
        [found] = shrunk_covariances(noisy[None], np.array([deviation]))
        # the lost part returns as white noise, no part of this error
        values, vectors = np.linalg.eigh(found)
        largest = (values[-1] - values[0]) * np.outer(vectors[:, -1], vectors[:, -1])
        errors.append(np.sum((largest - spike(size, 3)) ** 2))
    # true and found directions have the squared cosine 1 - k s² / λ²
    assert np.mean(errors) == pytest.approx(2 * edge - edge**2 / size**2, rel=0.15)


def test_what_does_not_stand_out_of_the_noise_becomes_white_noise_of_the_same_trace() -> None:
    noisy = 0.1 * np.eye(SIZE) + noise(np.random.default_rng(4), 0.09)
    [found] = shrunk_covariances(noisy[None], np.array([0.1]))
    np.testing.assert_allclose(found, np.trace(noisy) / SIZE * np.eye(SIZE), atol=1e-9)


def test_variance_lost_in_noise_returns_in_its_colour() -> None:
    spectrum = np.linspace(
        0.2, 0.0, SIZE
    )  # no eigenvalue stands out, the slope of the diagonal does
    errors, white = [], []
    for seed in range(20):
        noisy = np.diag(spectrum) + noise(np.random.default_rng(seed), 0.02)
        [covariance] = shrunk_covariances(noisy[None], np.array([0.02]))
        errors.append(np.mean((np.diag(covariance) - spectrum) ** 2))
        white.append(np.mean((np.trace(noisy) / SIZE - spectrum) ** 2))
        assert np.trace(covariance) == pytest.approx(np.trace(noisy))
    # signal .0033 and noise 2 · .02² leave a share of the noise
    assert np.mean(errors) < 2 * 0.02**2
    assert np.mean(white) > 3 * np.mean(errors)


def test_a_rare_class_takes_the_covariance_of_a_frequent_one_but_what_stands_out() -> None:
    rng = np.random.default_rng(5)
    deviations = np.array([1e-4, 0.1])
    common = spike(1.0, 0) + spike(0.5, 1)
    true = np.stack([common, common + spike(9.0, 7)])
    noisy = true + np.stack([noise(rng, deviation) for deviation in deviations])
    found = shrunk_covariances(noisy, deviations)
    assert np.linalg.norm(found[0] - true[0]) < 0.1
    assert np.linalg.norm(found[1] - true[1]) < 0.3 * np.linalg.norm(noisy[1] - true[1])
    assert found[1][7, 7] == pytest.approx(9.0, rel=0.1)


@pytest.mark.parametrize("deviation", [1e-6, 1e-2, 1.0, 100.0])
def test_covariances_are_positive_semidefinite(deviation: float) -> None:
    rng = np.random.default_rng(6)
    deviations = deviation * np.array([1.0, 3.0])
    noisy: Any = spike(1.0, 0) + np.stack([noise(rng, each) for each in deviations])
    found = shrunk_covariances(noisy, deviations)
    assert np.linalg.eigvalsh(found).min() > -1e-9 * np.abs(found).max()
