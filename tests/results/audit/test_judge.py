from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.faults import Fault
from ecgbench.results.audit.judge import Measured, Values, detection_threshold, judge, spearman
from ecgbench.results.store.records import MetricRecord

if TYPE_CHECKING:
    from ecgbench.results.audit.records import Response

NOISE = Fault(kind="noise", amounts=(0.1, 0.5, 1.0), unit="")
GAIN = Fault(kind="gain", amounts=(0.1,), unit="")
SEEDS = (0, 1, 2, 3)


def metric(better: str = "lower") -> MetricRecord:
    return MetricRecord(
        name="m",
        version=1,
        settings={},
        origin="x 1",
        family="fidelity",
        better=better,  # type: ignore[arg-type]
        bounds=(None, None),
        ideal=None,
        ranked=True,
    )


def simulated(
    rng: np.random.Generator, effects: dict[float, float], spread: float = 1.0
) -> tuple[dict[int, float], Values]:
    """Values at 0 and at each amount; the folds differ by 50, which is no noise."""
    at_0 = {seed: 50 * (seed % 2) + spread * rng.standard_normal() for seed in range(8)}
    doses = {
        (amount, seed): 50 * (seed % 2) + effect + spread * rng.standard_normal()
        for amount, effect in effects.items()
        for seed in SEEDS
    }
    return at_0, doses


def response(
    effects: dict[float, float], *, better: str = "lower", seed: int = 0
) -> tuple[Response, float | None]:
    at_0, doses = simulated(np.random.default_rng(seed), effects)
    series, *_ = judge(metric(better), [Measured(NOISE, doses)], at_0, ("noise",))
    return series[0].response, series[0].smallest


def test_a_fault_that_grows_is_seen_from_the_dose_that_stands_out() -> None:
    assert response({0.1: -1.0, 0.5: 6.0, 1.0: 12.0}) == ("seen", 0.5)
    assert response({0.1: 1.0, 0.5: -6.0, 1.0: -12.0}, better="higher") == ("seen", 0.5)


def test_a_fault_that_is_rewarded_is_reversed() -> None:
    assert response({0.1: 0.0, 0.5: -6.0, 1.0: -12.0}) == ("reversed", None)


def test_a_response_that_comes_and_goes_is_unclear() -> None:
    assert response({0.1: 9.0, 0.5: 9.0, 1.0: 0.0})[0] == "unclear"


def test_without_an_effect_a_metric_is_blind_and_false_alarms_are_rare() -> None:
    none = {0.1: 0.0, 0.5: 0.0, 1.0: 0.0}
    found = [response(none, seed=seed)[0] for seed in range(1000)]
    assert found.count("seen") / 1000 < 0.05
    assert found.count("blind") / 1000 > 0.8


def test_the_threshold_is_passed_by_one_in_twenty_where_nothing_is_wrong() -> None:
    rng = np.random.default_rng(1)
    passed = []
    for _ in range(4000):
        at_0, doses = simulated(rng, {1.0: 0.0})
        folds = [
            np.mean([doses[1.0, s] - at_0_mean(at_0, s % 2) for s in SEEDS if s % 2 == fold])
            for fold in (0, 1)
        ]
        passed.append(np.mean(folds) > detection_threshold(at_0, len(SEEDS)))
    assert np.mean(passed) == pytest.approx(0.05, abs=0.012)


def at_0_mean(at_0: dict[int, float], fold: int) -> float:
    return float(np.mean([value for seed, value in at_0.items() if seed % 2 == fold]))


def test_the_interval_of_the_correlation_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    rho, covered = 0.5, []
    # of a bivariate normal distribution Spearman's correlation is 6/π asin(ρ/2)
    truth = 6 / np.pi * np.arcsin(rho / 2)
    for _ in range(2000):
        x, y = rng.standard_normal((2, 30))
        _, low, high = spearman(np.column_stack([x, rho * x + np.sqrt(1 - rho**2) * y]))
        covered.append(low < truth < high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_the_verdict_rests_on_what_the_metric_is_held_to() -> None:
    rng = np.random.default_rng(3)
    at_0, seen = simulated(rng, {0.1: 3.0, 0.5: 6.0, 1.0: 12.0})
    _, unseen = simulated(rng, {0.1: 0.0, 0.5: 0.0, 1.0: 0.0})
    measured = [Measured(NOISE, seen), Measured(GAIN, unseen)]
    assert judge(metric(), measured, at_0, ("noise",))[1:] == ("passes", ["gain"], [])
    assert judge(metric(), measured, at_0, ("noise", "gain")).verdict == "fails"
    assert judge(metric(), measured, at_0, ("warp",)).verdict == "open"


def test_a_metric_that_failed_on_a_dose_fails() -> None:
    at_0, doses = simulated(np.random.default_rng(4), {0.1: 3.0, 0.5: 6.0, 1.0: 12.0})
    series, verdict, *_ = judge(metric(), [Measured(NOISE, doses, "boom")], at_0, ("noise",))
    assert (series[0].response, series[0].reason, verdict) == ("failed", "boom", "fails")


def test_a_constant_metric_is_blind() -> None:
    at_0 = dict.fromkeys(range(8), 0.3)
    doses = {(amount, seed): 0.3 for amount in NOISE.amounts for seed in SEEDS}
    series, verdict, *_ = judge(metric(), [Measured(NOISE, doses)], at_0, ("noise",))
    assert (series[0].response, verdict) == ("blind", "fails")
