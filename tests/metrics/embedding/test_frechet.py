from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.linalg import sqrtm

from ecgbench import Skip
from ecgbench.metrics.embedding import EmbeddingConfig
from ecgbench.metrics.embedding.frechet import frechet, frechet_distance

if TYPE_CHECKING:
    from tests.metrics.embedding.conftest import Cell, Row

RNG = np.random.default_rng(0)
LEFT = RNG.standard_normal((80, 5)) @ RNG.standard_normal((5, 5))
RIGHT = RNG.standard_normal((60, 5)) @ RNG.standard_normal((5, 5)) + RNG.standard_normal(5)

DOSES: tuple[tuple[Row, float], ...] = (
    ("fresh", 0.0),
    ("copy", 0.0),
    ("noisy", 0.1),
    ("noisy", 0.3),
    ("noise", 0.0),
    ("smooth", 0.0),
    ("shrunk", 0.0),
    ("repeated", 0.0),
)


def published(
    left: np.ndarray, right: np.ndarray, u: np.ndarray | None = None, v: np.ndarray | None = None
) -> float:
    """The distance with a matrix square root, points weighted by ``u`` and ``v``."""
    means = [np.average(points, axis=0, weights=w) for points, w in ((left, u), (right, v))]
    covariances = [np.cov(points.T, aweights=w) for points, w in ((left, u), (right, v))]
    root = sqrtm(covariances[0] @ covariances[1]).real
    spread = np.trace(covariances[0] + covariances[1] - 2 * root)
    return float(((means[0] - means[1]) ** 2).sum() + spread)


def exactly(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return points with this mean, and a diagonal covariance of these deviations."""
    points = np.random.default_rng(len(mean)).standard_normal((50, len(mean)))
    points -= points.mean(axis=0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T)).T)
    return np.asarray(mean + deviation * points)


def test_two_gaussians_without_correlation_have_a_closed_form() -> None:
    means = np.array([0.0, 1.0, -2.0]), np.array([0.5, 1.0, 0.0])
    deviations = np.array([1.0, 2.0, 0.1]), np.array([1.5, 0.5, 0.1])
    found = frechet(*(exactly(*each) for each in zip(means, deviations, strict=True)))
    expected = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert found.value == pytest.approx(expected)


def test_it_is_the_published_distance_and_symmetric() -> None:
    assert frechet(LEFT, RIGHT).value == pytest.approx(published(LEFT, RIGHT))
    assert frechet(RIGHT, LEFT).value == pytest.approx(published(LEFT, RIGHT))
    assert frechet(LEFT, LEFT).value == pytest.approx(0, abs=1e-9)


def test_a_point_is_as_far_as_it_is_from_all_the_others() -> None:
    point = np.ones((30, 5))
    expected = ((LEFT.mean(axis=0) - 1) ** 2).sum() + np.trace(np.cov(LEFT.T))
    for found in (frechet(LEFT, point), frechet(point, LEFT)):
        assert found.value == pytest.approx(expected)
        assert np.isfinite(found.of_left).all()
        assert np.isfinite(found.of_right).all()


def test_one_dimension_and_fewer_points_than_dimensions_will_do() -> None:
    line = frechet(LEFT[:, :1], RIGHT[:, :1])
    expected = (LEFT[:, 0].mean() - RIGHT[:, 0].mean()) ** 2
    expected += (LEFT[:, 0].std(ddof=1) - RIGHT[:, 0].std(ddof=1)) ** 2
    assert line.value == pytest.approx(expected)
    few = frechet(LEFT[:4], RIGHT[:3])
    assert few.value == pytest.approx(published(LEFT[:4], RIGHT[:3]), rel=1e-4)
    assert np.isfinite(few.of_right).all()


def test_influences_are_the_derivative_by_a_points_weight() -> None:
    found = frechet(LEFT, RIGHT)
    step = 1e-4
    for point in range(3):
        u, v = np.ones(len(LEFT)), np.ones(len(RIGHT))
        u[point] += step
        v[point] += step
        for influence, moved in (
            (found.of_left, published(LEFT, RIGHT, u)),
            (found.of_right, published(LEFT, RIGHT, None, v)),
        ):
            expected = (influence[point] - influence.mean()) / len(influence)
            # the published covariance divides by n − 1, the derivative by n
            assert (moved - found.value) / step == pytest.approx(expected, rel=0.1, abs=0.02)


def test_it_orders_generators_of_known_quality(cell: Cell) -> None:
    found = {
        (row, sigma): frechet_distance(cell(row, sigma=sigma), EmbeddingConfig())
        for row, sigma in DOSES
    }
    values = {row: score.value for row, score in found.items()}
    fresh = values["fresh", 0.0]
    assert values["copy", 0.0] < 2 * fresh
    assert 1.5 * fresh < values["noisy", 0.1] < values["noisy", 0.3] < values["noise", 0.0]
    assert values["smooth", 0.0] > 3 * fresh
    assert values["shrunk", 0.0] > 3 * fresh
    assert values["repeated", 0.0] > 2 * fresh
    parts = found["fresh", 0.0].parts
    assert parts == found["noise", 0.0].parts  # they look at control alone
    assert fresh < parts["control-halves"] < 4 * fresh
    assert parts["encoder-class-accuracy"] > 0.95
    assert parts["encoder-person-accuracy"] > 0.8


def test_too_few_control_windows_are_skipped(cell: Cell) -> None:
    splits = cell("fresh").splits
    few = replace(splits, control=splits.control.take(slice(3)))
    with pytest.raises(Skip, match="four control windows"):
        frechet_distance(cell("fresh", splits=few), EmbeddingConfig())
