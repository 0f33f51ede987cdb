from __future__ import annotations

import sys

import numpy as np
import pytest
from dp_accounting import ComposedDpEvent, GaussianDpEvent, NeighboringRelation
from dp_accounting.pld import PLDAccountant
from scipy.optimize import brentq
from scipy.stats import norm

from ecgbench import EcgbenchError
from ecgbench.generators.dp_gaussian.mechanism import GaussianMechanism, clipped
from ecgbench.generators.dp_gaussian.model import COUNTS, SCATTERS, SUMS


def mechanism(epsilon: float = 1.0, delta: float = 1e-5, seed: int = 0) -> GaussianMechanism:
    return GaussianMechanism(epsilon, delta, np.random.default_rng(seed))


def delta_of(multiplier: float, epsilon: float) -> float:
    """Balle, Wang, ICML 2018, theorem 8."""
    half, shift = 0.5 / multiplier, epsilon * multiplier
    return float(norm.cdf(half - shift) - np.exp(epsilon) * norm.cdf(-half - shift))


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 3.0, 10.0, 50.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-5, 1e-7])
def test_the_noise_is_the_least_that_the_analytic_formula_allows(
    epsilon: float, delta: float
) -> None:
    expected = brentq(lambda multiplier: delta_of(multiplier, epsilon) - delta, 0.05, 500)
    assert mechanism(epsilon, delta).multiplier == pytest.approx(expected, rel=1e-3)


def test_the_noise_at_epsilon_1_and_delta_1e_5_is_the_known_one() -> None:
    assert mechanism().multiplier == pytest.approx(3.7306, rel=1e-4)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_the_releases_together_cost_epsilon_by_another_accountant(epsilon: float) -> None:
    multiplier = mechanism(epsilon).multiplier
    accountant = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE)
    accountant.compose(
        ComposedDpEvent(
            [GaussianDpEvent(multiplier / np.sqrt(share)) for share in (COUNTS, SUMS, SCATTERS)]
        )
    )
    assert accountant.get_epsilon(1e-5) == pytest.approx(epsilon, rel=1e-3)


def test_noise_has_the_deviation_that_is_said() -> None:
    found = mechanism()
    released = found.release(np.full((200, 200), 7.0), sensitivity=2.0, share=0.25)
    assert released.deviation == pytest.approx(found.multiplier / 0.5 * 2.0)
    assert released.values.mean() == pytest.approx(7.0, abs=5 * released.deviation / 200)
    assert released.values.std() == pytest.approx(released.deviation, rel=0.02)


def test_noise_of_a_matrix_is_symmetric_and_larger_on_the_diagonal() -> None:
    found = mechanism()
    sums = np.arange(3.0)[:, None, None] * np.ones((3, 300, 300))
    released = found.release_symmetric(sums, sensitivity=2.0, share=0.25)
    noise = released.values - sums
    np.testing.assert_array_equal(noise, noise.transpose(0, 2, 1))
    diagonal = np.einsum("cii->ci", noise)
    above = noise[:, *np.triu_indices(300, 1)]
    assert diagonal.std() == pytest.approx(found.multiplier / 0.5 * 2.0, rel=0.07)
    assert above.std() == pytest.approx(released.deviation, rel=0.02)
    assert released.deviation == pytest.approx(found.multiplier / 0.5 * np.sqrt(2.0))


def test_a_budget_is_not_overspent() -> None:
    found = mechanism()
    found.release(np.zeros(1), sensitivity=1.0, share=0.7)
    with pytest.raises(ValueError, match="left"):
        found.release(np.zeros(1), sensitivity=1.0, share=0.4)
    found.release(np.zeros(1), sensitivity=1.0, share=0.3)


def test_long_vectors_are_clipped_and_others_kept() -> None:
    vectors = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(clipped(vectors, 1.0), [[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(EcgbenchError, match=r"synthetic-ecgbench\[dp\]"):
        mechanism()
