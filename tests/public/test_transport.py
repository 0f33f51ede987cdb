from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from ecgbench.transport import FARTHEST, Scale, transport

SCALE = Scale(least=0.01)


def written_out(real: np.ndarray, made: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """The value with each window counting so often."""
    there, found = np.isfinite(real), np.isfinite(made)
    a, b = u[there].sum() / u.sum(), v[found].sum() / v.sum()
    mean = np.average(real[there], weights=u[there])
    sigma = np.sqrt(np.average((real[there] - mean) ** 2, weights=u[there]))
    x, y = (((values - mean) / sigma).clip(-5, 5) for values in (real[there], made[found]))
    return float(min(a, b) * wasserstein_distance(x, y, u[there], v[found]) + 5 * abs(a - b))


def draw(missing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    real, made = 90 + 10 * rng.standard_normal(300), 95 + 30 * rng.standard_normal(200)
    real[:2] += 80, -90  # beyond the limit of values
    real[2:][rng.random(298) < missing[0]] = np.nan
    made[rng.random(200) < missing[1]] = np.nan
    return real, made


@pytest.mark.parametrize("missing", [(0.0, 0.0), (0.1, 0.3), (0.3, 0.1), (0.0, 0.9)])
def test_it_is_scipys_distance_in_deviations_and_missing_values_are_far_away(
    missing: tuple[float, float],
) -> None:
    real, made = draw(missing)
    found = transport(real, made, SCALE)
    u, v = np.ones(len(real)), np.ones(len(made))
    assert found.value == pytest.approx(written_out(real, made, u, v), rel=1e-6)


@pytest.mark.parametrize("missing", [(0.0, 0.0), (0.1, 0.3), (0.3, 0.1)])
def test_its_influences_are_its_derivatives(missing: tuple[float, float]) -> None:
    real, made = draw(missing)
    found = transport(real, made, SCALE)
    step = 1e-4
    for i in (0, 1, 2, 3, 4, 5):
        for side, influence in enumerate((found.of_real, found.of_synthetic)):
            ends = []
            for sign in (1, -1):
                weights = [np.ones(len(real)), np.ones(len(made))]
                weights[side][i] += sign * step
                ends.append(written_out(real, made, weights[0], weights[1]))
            derivative = (ends[0] - ends[1]) / (2 * step)
            assert influence[i] / len(influence) == pytest.approx(derivative, abs=1e-5)


def test_influences_have_no_mean() -> None:
    found = transport(*draw((0.2, 0.1)), SCALE)
    assert found.of_real.mean() == pytest.approx(0, abs=1e-12)
    assert found.of_synthetic.mean() == pytest.approx(0, abs=1e-12)


def test_a_shift_counts_in_deviations_and_in_the_unit() -> None:
    real = np.random.default_rng(0).standard_normal(1000)
    found = transport(real, real + 0.5, SCALE)
    assert found.value == pytest.approx(0.5 / real.std(), rel=1e-3)
    assert found.distance == pytest.approx(0.5, rel=1e-3)


def test_nothing_found_is_the_worst_and_an_outlier_no_worse() -> None:
    real = np.random.default_rng(0).standard_normal(1000)
    nothing = transport(real, np.full(50, np.nan), SCALE)
    assert nothing.value == FARTHEST
    assert np.isnan(nothing.distance)
    assert transport(real, np.full(50, 1e9), SCALE).value == pytest.approx(FARTHEST, abs=0.01)


def test_equal_values_have_the_smallest_deviation() -> None:
    found = transport(np.zeros(30), np.full(30, 0.02), Scale(least=0.01))
    assert found.value == pytest.approx(2.0)
    rates = transport(np.ones(30), np.repeat([0.0, 1.0], 15), Scale(least=0.5, most=0.5))
    assert rates.value == pytest.approx(1.0)
    assert rates.distance == pytest.approx(0.5)
