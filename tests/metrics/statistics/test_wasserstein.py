from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from ecgbench.metrics.statistics.wasserstein import wasserstein


@pytest.mark.parametrize(("n", "m"), [(50, 50), (70, 31), (1, 8), (2, 1)])
def test_it_is_what_scipy_finds(n: int, m: int) -> None:
    rng = np.random.default_rng([n, m])
    real, made = rng.standard_normal(n), 1.5 * rng.standard_normal(m) + 0.3
    found = wasserstein(real, made)
    assert found.distance == pytest.approx(wasserstein_distance(real, made))
    both = found.of_real.mean() + found.of_synthetic.mean()  # Kantorovich's duality
    assert both == pytest.approx(found.distance)


def test_ties_and_equal_sets_are_exact() -> None:
    real, made = np.array([0.0, 0.0, 1.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0])
    assert wasserstein(real, made).distance == pytest.approx(wasserstein_distance(real, made))
    assert wasserstein(real, real[::-1]).distance == 0


def test_influences_are_the_derivatives_by_the_weights() -> None:
    rng = np.random.default_rng(0)
    real, made = rng.standard_normal(20), rng.standard_normal(15) + 0.4
    found = wasserstein(real, made)
    for row in range(20):
        weights = np.ones(20)
        weights[row] += 1e-5
        moved = wasserstein_distance(real, made, u_weights=weights) - found.distance
        expected = 1e-5 * (found.of_real[row] - found.of_real.mean()) / 20
        assert moved == pytest.approx(expected, rel=1e-2, abs=1e-9)
