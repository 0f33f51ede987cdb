from __future__ import annotations

import numpy as np
import pytest

from ecgbench.metrics.attacks.risk import Interval, rate, residual_risk

Z = 1.959963984540054


def wilson(successes: int, attempts: int) -> tuple[float, float]:
    """Centre and half-width, from the textbook."""
    p, n = successes / attempts, attempts
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return centre, float(half)


@pytest.mark.parametrize(("successes", "attempts"), [(0, 10), (3, 10), (10, 10), (123, 4567)])
def test_a_rate_has_wilsons_interval(successes: int, attempts: int) -> None:
    centre, half = wilson(successes, attempts)
    assert rate(successes, attempts) == pytest.approx(
        (successes / attempts, centre - half, centre + half), abs=1e-12
    )


@pytest.mark.parametrize(
    ("attacks", "controls", "value", "error"),
    [
        # of `EvaluationResults` and `residual_success` in anonymeter 1.1.0
        ((600, 1000), (400, 1000), 0.33226966646575495, 0.06077784381480812),
        ((130, 500), (60, 200), -0.06023751814658077, 0.11065051179413025),
    ],
)
def test_the_interval_is_that_of_anonymeter(
    attacks: tuple[int, int], controls: tuple[int, int], value: float, error: float
) -> None:
    found = residual_risk(rate(*attacks), rate(*controls))
    assert (found.low, found.high) == pytest.approx((value - error, value + error))
    assert found.value == pytest.approx(value, abs=2 / controls[1])


@pytest.mark.parametrize("successes", [(0, 0), (50, 0), (25, 15), (50, 29)])
def test_the_value_lies_in_its_interval(successes: tuple[int, int]) -> None:
    found = residual_risk(rate(successes[0], 50), rate(successes[1], 31))
    assert found.low <= found.value <= found.high + 1e-12


def test_the_interval_covers_the_truth_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(0)
    attacks, controls = rng.binomial(800, 0.3, 1000), rng.binomial(400, 0.1, 1000)
    found = [
        residual_risk(rate(int(a), 800), rate(int(c), 400))
        for a, c in zip(attacks, controls, strict=True)
    ]
    covered = np.mean([each.low <= 0.2 / 0.9 <= each.high for each in found])
    assert covered == pytest.approx(0.95, abs=0.02)


def test_no_gain_over_non_members_is_no_risk() -> None:
    assert residual_risk(rate(30, 100), rate(60, 200)).value == 0
    assert residual_risk(rate(100, 100), rate(60, 200)).value == 1


def test_parts_are_named() -> None:
    assert Interval(0.5, 0.4, 0.6).parts("it") == {"it": 0.5, "it-low": 0.4, "it-high": 0.6}
