from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.embedding import PrdcConfig, balls
from ecgbench.metrics.embedding.prdc import coverage, density, precision, recall
from ecgbench.shared import embeddings

if TYPE_CHECKING:
    from tests.metrics.embedding.conftest import Cell, Clouds

METRICS = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}


def published(real: np.ndarray, made: np.ndarray, k: int) -> dict[str, float]:
    """The definitions in loops, as they stand in the papers."""

    def radius(points: np.ndarray, i: int) -> float:
        others = [np.linalg.norm(points[i] - points[j]) for j in range(len(points)) if j != i]
        return float(np.sort(others)[k - 1])

    real_radii = [radius(real, i) for i in range(len(real))]
    made_radii = [radius(made, j) for j in range(len(made))]
    apart = np.array([[np.linalg.norm(x - y) for y in made] for x in real])
    in_real = [[apart[i, j] <= real_radii[i] for j in range(len(made))] for i in range(len(real))]
    in_made = [[apart[i, j] <= made_radii[j] for j in range(len(made))] for i in range(len(real))]
    return {
        "precision": float(np.any(in_real, axis=0).mean()),
        "in-synthetic-balls": float(np.any(in_made, axis=1).mean()),
        "recall": float(min(np.any(in_made, axis=1).mean(), np.any(in_real, axis=1).mean())),
        "density": float(np.sum(in_real) / (k * len(made))),
        "coverage": float(np.any(in_real, axis=1).mean()),
    }


@pytest.mark.parametrize("rows", [9, 500])
@pytest.mark.parametrize("k", [1, 5])
def test_they_are_the_published_shares(
    clouds: Clouds, k: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balls, "ROWS", rows)
    rng = np.random.default_rng(k)
    real, made = rng.standard_normal((60, 3)), 1.3 * rng.standard_normal((60, 3)) + 0.4
    comparison = clouds(real, made)
    expected = published(real, made, k)
    assert min(expected.values()) > 0.1
    for name, metric in METRICS.items():
        assert metric(comparison, PrdcConfig(neighbours=k)).value == pytest.approx(expected[name])
    parts = recall(comparison, PrdcConfig(neighbours=k)).parts
    assert parts["in-synthetic-balls"] == pytest.approx(expected["in-synthetic-balls"])


def test_recall_is_the_smaller_share_in_a_case_that_can_be_counted(clouds: Clouds) -> None:
    """On a line with k = 1: of crowded synthetic points each ball, of scattered ones each reach."""
    config, real = PrdcConfig(neighbours=1), np.arange(8.0)
    crowded = 0.3 + 0.01 * np.arange(8.0)  # within the balls of 0 and 1; their own reach .01
    scattered = 3.5 + 100.0 * np.arange(
        8.0
    )  # the first lies in the balls of 3 and 4, and reaches all
    for made, inside, value in ((crowded, 0.0, 0.0), (scattered, 1.0, 2 / 8)):
        found = recall(clouds(real[:, None], made[:, None]), config)
        assert found.parts["in-synthetic-balls"] == inside
        assert found.value == value
        assert found.contributions is not None
        assert found.contributions.evaluate()[0] == pytest.approx(value)


def controls(dimensions: int, seed: int) -> dict[str, np.ndarray]:
    """Synthetic points of known worth, with a standard normal distribution as the truth."""
    rng = np.random.default_rng([dimensions, seed])
    shape = (400, dimensions)
    normal = rng.standard_normal(shape)
    wild = 30 * np.exp(0.7 * rng.standard_normal((len(normal), 1))) * rng.standard_normal(shape)
    collapsed = normal[0] + 0.02 * rng.standard_normal(shape)
    both = np.where(rng.random((len(normal), 1)) < 0.1, wild, collapsed)
    return {
        "right": normal,
        "learnt": 0.8 * rng.standard_normal(shape) + 0.3,
        "one side": normal * np.where(np.arange(dimensions) == 0, np.sign(normal), 1),
        "collapsed": collapsed,
        "collapsed and wild": both,
        "wild": wild,
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dimensions", [2, 8])
def test_neither_wild_nor_collapsed_points_pass_for_diverse_ones(
    clouds: Clouds, dimensions: int, seed: int
) -> None:
    real = np.random.default_rng([seed, 1]).standard_normal((400, dimensions))
    found = {
        name: {row: metric(clouds(real, made), PrdcConfig()) for row, made in rows.items()}
        for name, metric in (("recall", recall), ("coverage", coverage))
        for rows in [controls(dimensions, seed)]
    }
    for scores in found.values():
        values = {row: score.value for row, score in scores.items()}
        assert values["right"] > max(values["learnt"], values["one side"])
        worst = [values[row] for row in ("collapsed", "collapsed and wild", "wild")]
        assert min(values["learnt"], values["one side"]) > max(worst) + 0.2
    # their balls alone are as wide as they are far from each other, and take in whatever is real
    inside = {row: score.parts["in-synthetic-balls"] for row, score in found["recall"].items()}
    assert inside["collapsed and wild"] > inside["one side"]
    assert inside["collapsed"] < 0.05


def test_one_distribution_has_the_expected_density_and_coverage(clouds: Clouds) -> None:
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {"density": [], "coverage": []}
    for _ in range(60):
        comparison = clouds(rng.standard_normal((100, 4)), rng.standard_normal((100, 4)))
        for name, values in found.items():
            score = METRICS[name](comparison, PrdcConfig(neighbours=3))
            values.append(score.value)
    expected = {"density": 1.0, "coverage": score.parts["expected"]}
    assert expected["coverage"] == pytest.approx(1 - 99 * 98 * 97 / (199 * 198 * 197))
    assert expected["coverage"] == pytest.approx(1 - 2**-3, abs=0.005)
    for name, values in found.items():
        assert abs(np.mean(values) - expected[name]) < 3 * np.std(values) / np.sqrt(60)


def test_clouds_that_do_not_meet_score_zero_and_equal_ones_do_well(clouds: Clouds) -> None:
    points = np.random.default_rng(0).standard_normal((50, 4))
    for name, metric in METRICS.items():
        assert metric(clouds(points, points + 100), PrdcConfig()).value == 0
        # each point is in its own ball, and in the balls of points whose k-th neighbour it may be
        expected = 1.2 if name == "density" else 1.0
        assert metric(clouds(points, points), PrdcConfig()).value == pytest.approx(expected)


def test_the_larger_side_is_thinned_to_the_smaller(clouds: Clouds) -> None:
    rng = np.random.default_rng(0)
    comparison = clouds(rng.standard_normal((90, 3)), rng.standard_normal((40, 3)))
    found = coverage(comparison, PrdcConfig())
    assert found.n == 80
    real = balls.balls(comparison, PrdcConfig()).real
    assert len(np.unique(real)) == 40
    expected = published(
        embeddings(comparison, "control")[real], embeddings(comparison, "synthetic"), 5
    )
    assert found.value == pytest.approx(expected["coverage"])


def test_fidelity_and_diversity_are_told_apart(cell: Cell) -> None:
    """Ordered as each family must: noise is no precision, repetition is no coverage."""
    found = {
        row: {
            name: metric(cell(row, sigma=0.2), PrdcConfig()).value
            for name, metric in METRICS.items()
        }
        for row in ("fresh", "copy", "noisy", "shrunk", "repeated", "collapsed", "noise")
    }
    fresh = found["fresh"]
    assert fresh["density"] == pytest.approx(1, abs=0.15)
    assert fresh["coverage"] == pytest.approx(0.97, abs=0.03)
    for name in METRICS:
        assert found["copy"][name] == pytest.approx(fresh[name], abs=0.15)
        assert found["noise"][name] < 0.1
    for name in ("precision", "density", "coverage"):
        assert found["noisy"][name] < fresh[name] - 0.1
    assert found["repeated"]["precision"] == pytest.approx(fresh["precision"], abs=0.1)
    assert found["collapsed"]["coverage"] < found["repeated"]["coverage"] < fresh["coverage"] - 0.2
    assert max(found["collapsed"]["recall"], found["repeated"]["recall"]) < fresh["recall"] - 0.2
    assert found["shrunk"]["coverage"] < fresh["coverage"] - 0.1


@pytest.mark.parametrize("name", list(METRICS))
def test_what_people_contributed_spreads_as_the_value_does_over_other_people(
    name: str, clouds: Clouds
) -> None:
    """The balls are kept in the contributions; other people have other balls."""
    rng = np.random.default_rng(3)
    values, spreads = [], []
    draws = rng.multinomial(10, np.full(10, 0.1), size=300).astype(float)
    for _ in range(80):
        places = 6 * rng.standard_normal((10, 4))
        # the generator makes more or less of each person
        faults = np.exp(rng.standard_normal((10, 1))) * rng.choice([-0.5, 0.5], (10, 4))
        people = np.arange(150) % 10
        real = places[people] + rng.standard_normal((150, 4))
        made = (places + faults)[people] + rng.standard_normal((150, 4))
        found = METRICS[name](clouds(real, made), PrdcConfig())
        assert found.contributions is not None
        values.append(found.value)
        spreads.append(found.contributions.evaluate(draws).std())
    # a resample of 10 people spreads by √(9/10) of their spread; 80 cohorts tell to 8%
    truth = np.std(values) * np.sqrt(0.9)
    assert np.sqrt(np.mean(np.square(spreads))) == pytest.approx(truth, rel=0.25)


def test_too_few_or_equal_windows_are_skipped(clouds: Clouds) -> None:
    points = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.raises(Skip, match="6 windows of control and 6 synthetic"):
        recall(clouds(points, points[:5]), PrdcConfig())
    with pytest.raises(Skip, match="all equal"):
        density(clouds(np.ones((40, 3)), points), PrdcConfig())
