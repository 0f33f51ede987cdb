from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.specs import FAULTS, MUST
from ecgbench.results.audit.records import (
    DOSES,
    SERIES,
    Response,
    Series,
    Values,
    audits,
    detection_threshold,
    judge,
    spearman,
    verdicts,
    write_audit,
)
from ecgbench.results.store.records import MetricRecord

if TYPE_CHECKING:
    from ecgbench.results.store.records import DatasetRecord
    from tests.results.conftest import Bench

NOISE = Series("noise", (0.1, 0.5, 1.0), ("fidelity",))
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
    series, *_ = judge(metric(better), {"noise": (NOISE, doses, "")}, at_0, ("noise",))
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
    found = {"noise": (NOISE, seen, ""), "gain": (Series("gain", (0.1,), ()), unseen, "")}
    assert judge(metric(), found, at_0, ("noise",))[1:] == ("passes", ["gain"], [])
    assert judge(metric(), found, at_0, ("noise", "gain"))[1] == "fails"
    assert judge(metric(), found, at_0, ("warp",))[1] == "open"


def test_a_metric_that_failed_on_a_dose_fails() -> None:
    at_0, doses = simulated(np.random.default_rng(4), {0.1: 3.0, 0.5: 6.0, 1.0: 12.0})
    series, verdict, *_ = judge(metric(), {"noise": (NOISE, doses, "boom")}, at_0, ("noise",))
    assert (series[0].response, series[0].reason, verdict) == ("failed", "boom", "fails")


def test_a_constant_metric_is_blind() -> None:
    at_0 = dict.fromkeys(range(8), 0.3)
    doses = {(amount, seed): 0.3 for amount in NOISE.amounts for seed in SEEDS}
    series, verdict, *_ = judge(metric(), {"noise": (NOISE, doses, "")}, at_0, ("noise",))
    assert (series[0].response, verdict) == ("blind", "fails")


def test_an_audit_of_earlier_doses_counts_no_more(bench: Bench) -> None:
    earlier = bench.audited(doses=DOSES - 1, verdict="passes", windows=2000)
    write_audit(bench.store, earlier)
    assert list(audits(bench.store)) == []
    assert verdicts(bench.store, bench.dataset()) == {}
    today = bench.audited(verdict="fails", windows=500)
    assert write_audit(bench.store, today) == today
    assert list(audits(bench.store)) == [today]


def test_the_audit_on_most_windows_stands(bench: Bench) -> None:
    large = bench.audited(verdict="fails", windows=2000)
    assert write_audit(bench.store, large) == large
    assert write_audit(bench.store, bench.audited(windows=400, seeds=[0, 1, 2])) == large
    assert verdicts(bench.store, bench.dataset()) == {bench.metric().key: "fails"}
    equal = bench.audited(windows=2000, seeds=[2, 3])
    assert write_audit(bench.store, equal) == equal
    assert list(audits(bench.store)) == [equal]


def test_a_verdict_is_on_windows_of_one_kind(bench: Bench) -> None:
    def of(length: int, beats: int) -> DatasetRecord:
        return bench.dataset(settings={"length": length, "beats": beats})

    passes = {bench.metric().key: "passes"}
    write_audit(bench.store, bench.audited(dataset=of(128, 650), enlarged=["beats"]))
    assert verdicts(bench.store, of(128, 100)) == passes
    assert verdicts(bench.store, of(200, 650)) == {}
    write_audit(bench.store, bench.audited(dataset=of(200, 650), verdict="fails"))
    assert len(list(audits(bench.store))) == 2
    assert verdicts(bench.store, of(128, 100)) == passes


def test_series_are_the_faults_that_a_spec_may_name() -> None:
    assert tuple(series.name for series in SERIES) == FAULTS


def test_what_families_must_see_are_series_that_they_are_shown() -> None:
    series = {each.name: each for each in SERIES}
    for family, names in MUST.items():
        assert all(family in series[name].families for name in names)
