from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from ecgbench.results.board import uncertainty
from ecgbench.results.board.uncertainty import RESAMPLES, Resamples, Sample
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.records import ContributionsRecord
from tests.results.board.samples import by_person, only_values, sample_from, sample_of

if TYPE_CHECKING:
    from collections.abc import Callable

# --- seeds and folds ---------------------------------------------------------------------------


def test_folds_weigh_equally_however_many_seeds_they_have() -> None:
    assert only_values(1.0, 2.0, 3.0, 8.0, seeds=(0, 2, 4, 1)).value == pytest.approx(5.0)


def test_spread_is_that_of_seeds_within_folds() -> None:
    found = only_values(1.0, 100.0, 3.0, 104.0, seeds=(0, 1, 2, 3))
    assert found.spread == pytest.approx(np.sqrt((2.0 + 8.0) / 2))


def test_spread_is_unknown_with_one_seed_a_fold() -> None:
    assert only_values(1.0, 2.0).spread is None


# --- intervals ---------------------------------------------------------------------------------


def test_the_interval_is_scipys_bootstrap_taken_as_far_out_as_students_t() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=25)
    found = sample_of({0: values}, Resamples(np.arange(25))).interval
    tail = stats.norm.sf(stats.t.isf(0.025, df=24) * np.sqrt(25 / 24))
    wanted = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        confidence_level=1 - 2 * tail,
        random_state=np.random.default_rng(1),
    ).confidence_interval
    assert found == pytest.approx(tuple(wanted), abs=0.12 * values.std() / 5)


def test_over_many_normal_people_the_interval_is_students() -> None:
    values = np.random.default_rng(0).normal(3.0, size=40)
    found = sample_of({0: values}, Resamples(np.arange(40))).interval
    wanted = stats.t.interval(0.95, df=39, loc=values.mean(), scale=stats.sem(values))
    assert found == pytest.approx(wanted, abs=0.15 * stats.sem(values))


@pytest.mark.parametrize(
    ("people", "draw", "truth"),
    [
        (43, lambda rng, n: rng.normal(size=n), 0.0),
        (43, lambda rng, n: rng.beta(0.5, 1.5, size=n), 0.25),
        (12, lambda rng, n: rng.normal(size=n), 0.0),
    ],
    ids=["mitdb", "mitdb, skewed", "12 people"],
)
def test_intervals_over_two_folds_cover_the_truth_19_times_in_20(
    people: int, draw: Callable[[np.random.Generator, int], np.ndarray], truth: float
) -> None:
    rng = np.random.default_rng(0)
    resamples = Resamples(np.arange(people))
    hits = 0
    for _ in range(600):
        person = draw(rng, people)
        low, high = sample_of({0: person[::2], 1: 7 + person[1::2]}, resamples).interval or (0, 0)
        hits += low <= truth + 3.5 <= high
    assert hits / 600 == pytest.approx(0.95, abs=0.027)


def test_a_constant_difference_of_folds_widens_nothing() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=20), rng.normal(size=20)
    resamples = Resamples(np.arange(40))
    plain = sample_of({0: first, 1: second}, resamples)
    apart = sample_of({0: first, 1: second + 1000}, resamples)
    assert plain.interval is not None
    assert apart.interval == pytest.approx([end + 500 for end in plain.interval])


def test_people_are_drawn_alike_in_all_seeds_and_both_folds() -> None:
    people, values = np.arange(20), np.random.default_rng(0).normal(size=20)
    resamples = Resamples(people)
    signs = {0: 1, 1: -1, 2: 1, 3: -1}
    records = {seed: by_person(sign * values, people) for seed, sign in signs.items()}
    means = {seed: sign * float(values.mean()) for seed, sign in signs.items()}
    found = sample_from(means, records, resamples)
    # what a person adds in one fold they take away in the other, in whatever resample
    assert found.interval == pytest.approx((0.0, 0.0), abs=1e-12)


def test_more_seeds_of_the_same_people_narrow_nothing() -> None:
    values = np.random.default_rng(0).normal(size=20)
    resamples = Resamples(np.arange(20))
    once = sample_of({0: values}, resamples).interval
    assert sample_of({0: values, 2: values, 4: values}, resamples).interval == pytest.approx(once)


def test_few_people_get_no_interval() -> None:
    rng = np.random.default_rng(0)
    resamples = Resamples(np.arange(40))
    assert sample_of({0: rng.normal(size=5)}, Resamples(np.arange(5))).interval is None
    lopsided = {0: by_person(np.ones(30), np.arange(30)), 1: by_person(np.ones(1), np.array([39]))}
    assert sample_from({0: 1.0, 1: 1.0}, lopsided, resamples).interval is None


def test_people_without_weight_do_not_count() -> None:
    record = ContributionsRecord(
        people=list(range(20)),
        numerators=[[1.0 * (p < 4)] for p in range(20)],
        denominators=[[1.0 * (p < 4)] for p in range(20)],
        coefficients=[1.0],
        offset=0.0,
    )
    assert sample_from({0: 1.0}, {0: record}, Resamples(np.arange(20))).interval is None


def test_a_resample_without_any_of_a_scores_people_counts_each_of_them_once() -> None:
    resamples = Resamples(np.arange(6))
    whole, *drawn_again = resamples.weights(np.array([0, 1]))
    weights = np.array(drawn_again)
    assert (whole == 1).all()
    alone = np.random.default_rng(uncertainty.SEED).multinomial(6, [1 / 6] * 6, size=RESAMPLES)
    without = ~alone[:, :2].any(axis=1)
    assert without.any()
    assert (weights[without] == 1).all()
    assert (weights[~without] == alone[~without][:, :2]).all()


def test_a_seed_without_contributions_leaves_no_interval() -> None:
    record = by_person(np.ones(20), np.arange(20))
    assert sample_from({0: 1.0, 1: 1.0}, {0: record}, Resamples(np.arange(20))).interval is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"numerators": [[1.0], [1.0]]}, "shapes"),
        ({"numerators": [[1.0], [1.0, 2.0], [3.0]]}, "3 × 2 and 3 × 1, 3 × 1 is wanted"),
        ({"people": [1, 1, 2]}, "shapes"),
        ({"people": [], "numerators": [], "denominators": []}, "shapes"),
        ({"people": [3, 2, 1]}, "ascending"),
        ({"people": [1, 2, 2**70]}, "cannot be read"),
        ({"offset": 0.5}, "make 2.5, its value is 2"),
    ],
)
def test_contributions_that_do_not_make_the_value_are_refused(
    fields: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {
        "people": [1, 2, 3],
        "numerators": [[1.0], [2.0], [3.0]],
        "denominators": [[1.0]] * 3,
        "coefficients": [1.0],
        "offset": 0.0,
    }
    record = ContributionsRecord(**given | fields)
    with pytest.raises(ValueError, match=message):
        contributions(record, 2.0)


def test_intervals_of_many_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    resamples = Resamples(np.arange(25))
    samples: list[Sample | None] = [sample_of({0: rng.normal(size=25)}, resamples) for _ in "abc"]
    samples += [
        None,
        only_values(1.0),
        sample_of({0: rng.random(13), 1: rng.random(12)}, resamples),
    ]
    alone = [None if each is None else each.interval for each in samples]
    assert uncertainty.intervals(samples) == alone
    assert [each is None for each in alone] == [False, False, False, True, True, False]
