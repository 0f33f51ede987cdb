from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from ecgbench import Contributions, Term
from ecgbench.results.board import uncertainty
from ecgbench.results.board.uncertainty import (
    RESAMPLES,
    Resamples,
    Sample,
    ranks,
    role_flips,
    sample,
)
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.records import ContributionsRecord

if TYPE_CHECKING:
    from collections.abc import Callable


def by_person(values: np.ndarray, people: np.ndarray) -> ContributionsRecord:
    return ContributionsRecord(
        people=people.tolist(),
        numerators=values[:, None].tolist(),
        denominators=np.ones((len(values), 1)).tolist(),
        coefficients=[1.0],
        offset=0.0,
    )


def sample_of(values: dict[int, np.ndarray], resamples: Resamples) -> Sample:
    """A mean over people in each seed; seeds of a parity are of the same people."""
    count = len(resamples.people)
    folds = len({seed % 2 for seed in values})
    records = {
        seed: by_person(of_seed, np.arange(seed % 2 if folds > 1 else 0, count, folds))
        for seed, of_seed in values.items()
    }
    return sample_from({seed: float(v.mean()) for seed, v in values.items()}, records, resamples)


def sample_from(
    values: dict[int, float], records: dict[int, ContributionsRecord], resamples: Resamples
) -> Sample:
    found = {seed: contributions(record, values[seed]) for seed, record in records.items()}
    return sample(values, found, resamples)


def only_values(*values: float, seeds: tuple[int, ...] = (0, 1)) -> Sample:
    return Sample(seeds=seeds, values=np.resize(np.array(values), len(seeds)))


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


# --- ranks -------------------------------------------------------------------------------------


def test_the_variances_of_many_pairs_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, RESAMPLES)) + 100.0
    rows[1] = rows[0]
    rows[2] = rows[0] + 1e-6 * rows[3]
    rows[4] = 7.0
    rows[5] = 7.0
    i, j = np.triu_indices(len(rows), k=1)
    found = uncertainty._variance_of_differences(rows, i, j)
    wanted = np.array([(rows[a] - rows[b]).var() for a, b in zip(i, j, strict=True)])
    assert len(i) > len(rows)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=0)
    assert (found[wanted == 0] == 0).all()


def test_a_pair_is_tested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resamples, rng = Resamples(np.arange(20)), np.random.default_rng(0)
    samples = [sample_of({0: rng.normal(size=20) + shift}, resamples) for shift in (0.0, 5.0)]
    tests, calls = uncertainty.Tests(), 0
    of_pairs = uncertainty.p_values

    def counted(*how: Any) -> Any:
        nonlocal calls
        calls += 1
        return of_pairs(*how)

    monkeypatch.setattr(uncertainty, "p_values", counted)
    assert ranks(samples, "lower", tests=tests) == [1, 2]
    assert ranks(samples, "higher", tests=tests) == [2, 1]
    assert calls == 1
    assert ranks(samples[::-1], "lower", tests=tests) == [2, 1]
    assert calls == 2


def test_rank_is_one_more_than_the_number_of_the_significantly_better() -> None:
    rng = np.random.default_rng(0)
    resamples = Resamples(np.arange(40))
    shared = rng.normal(scale=5.0, size=40)
    samples = [
        sample_of(
            {0: (x := shared + shift + rng.normal(scale=0.1, size=40))[::2], 1: x[1::2]}, resamples
        )
        for shift in (1.0, 0.0, 0.01, 2.0)
    ]
    assert ranks(samples, "lower") == [3, 1, 1, 4]
    assert ranks(samples, "higher") == [2, 3, 3, 1]


def test_a_difference_that_depends_on_the_person_is_not_significant() -> None:
    rng = np.random.default_rng(1)
    resamples = Resamples(np.arange(20))
    samples = [sample_of({0: shift + rng.normal(size=20)}, resamples) for shift in (0.0, 0.2)]
    assert ranks(samples, "lower") == [1, 1]


def test_a_difference_that_depends_on_the_seed_is_not_significant() -> None:
    people, seeds = np.random.default_rng(0).normal(size=20), (0, 2, 4, 6)
    resamples = Resamples(np.arange(20))
    steady = sample_of(dict.fromkeys(seeds, people), resamples)
    better = sample_of(dict.fromkeys(seeds, people - 0.1), resamples)
    lucky = sample_of(
        {seed: people + shift for seed, shift in zip(seeds, (-0.9, 0.3, -0.3, 0.5), strict=True)},
        resamples,
    )
    assert ranks([steady, better], "lower") == [2, 1]
    assert ranks([steady, lucky], "lower") == [1, 1]


def test_without_people_seeds_tell_what_is_significant() -> None:
    seeds = (0, 1, 2, 3, 4, 5)
    first = only_values(1.0, 5.0, 1.1, 5.1, 0.9, 4.9, seeds=seeds)
    close = only_values(1.1, 4.9, 0.9, 5.2, 1.0, 5.0, seeds=seeds)
    far = only_values(2.0, 6.0, 2.1, 6.1, 1.9, 6.0, seeds=seeds)
    assert ranks([first, close, far], "lower") == [1, 1, 3]


def test_where_nothing_is_known_of_the_error_the_values_decide() -> None:
    samples = [only_values(value) for value in (2.0, 1.0, 3.0, 1.0 + 1e-15)]
    assert ranks(samples, "lower") == [3, 1, 4, 1]
    assert ranks(samples, "higher") == [2, 3, 1, 3]


def test_what_never_varies_is_significant_as_soon_as_it_differs() -> None:
    seeds = (0, 1, 2, 3)
    assert ranks([only_values(5.0, seeds=seeds), only_values(4.0, seeds=seeds)], "lower") == [2, 1]


def test_holms_procedure_by_hand() -> None:
    # .05 / 4, / 3, / 2: the third is too large, so the fourth is not asked
    p = np.array([0.030, 0.012, 0.013, 0.049])
    assert uncertainty._significant(p, 4).tolist() == [False, True, True, False]
    # of six hypotheses the two that are not given have p = 1
    assert uncertainty._significant(p, 6).tolist() == [False, False, False, False]


def test_absent_competitors_are_behind_all_others_and_tie() -> None:
    assert ranks([only_values(9.0), None, only_values(1.0), None], "lower") == [2, 3, 1, 3]
    assert ranks([None, None], "lower") == [1, 1]


def drawn(
    value: float, error: float, seeds: tuple[int, ...] = (0, 1), noise: float = 0.0
) -> Sample:
    """A value with this standard error over 43 people, and this deviation over seeds."""
    normal = np.random.default_rng(0).normal(size=RESAMPLES)
    scale = error * np.sqrt(41 / 43)
    return Sample(
        seeds=seeds,
        values=value + noise * np.resize([1.0, 1.0, -1.0, -1.0], len(seeds)),
        resampled=value + scale * (normal - normal.mean()) / normal.std(),
        people=43,
    )


def test_the_t_test_of_a_pair_by_hand() -> None:
    # two-sided p = .05 at t = 2.0195 with 43 - 2 degrees of freedom
    exact = drawn(0.0, 0.0)
    assert ranks([exact, drawn(2.03, 1.0)], "lower") == [1, 2]
    assert ranks([exact, drawn(2.01, 1.0)], "lower") == [1, 1]
    # of three pairs the first has to have p < .05 / 3
    assert ranks([exact, drawn(2.3, 1.0), exact], "lower") == [1, 1, 1]


def test_an_absence_makes_no_other_pair_significant() -> None:
    exact, worse = drawn(0.0, 0.0), drawn(2.3, 1.0)
    assert ranks([exact, exact, worse], "lower") == [1, 1, 1]
    assert ranks([None, exact, worse], "lower") == [3, 1, 1]
    seeds = (0, 1, 2, 3)
    noisy, exact = drawn(0.0, 0.0, seeds, noise=50.0), drawn(0.0, 0.0, seeds)
    worse = drawn(2.7, 1.0, seeds)
    assert ranks([noisy, exact, worse], "lower") == [1, 1, 1]
    assert ranks([None, exact, worse], "lower") == [3, 1, 1]
    assert ranks([exact, exact, worse], "lower") == [1, 1, 3]


def test_nobody_gains_on_anybody_by_being_absent() -> None:
    rng = np.random.default_rng(0)
    seeds = (0, 1, 2, 3)
    changed = 0
    for _ in range(300):
        scale = rng.choice([0.05, 0.3], size=5)
        samples: list[Sample | None] = [
            Sample(seeds=seeds, values=rng.normal() * 0.3 + s * rng.normal(size=4)) for s in scale
        ]
        before = np.array(ranks(samples, "lower"))
        after = np.array(ranks([None, *samples[1:]], "lower"))
        changed += before.tolist() != after.tolist()
        assert (after[0] - after[1:] >= before[0] - before[1:]).all()
    assert changed


@pytest.mark.parametrize(
    ("competitors", "seeds", "noise_of_people", "noise_of_seeds"),
    [
        (2, 2, 0.5, 0.0),
        (5, 6, 0.5, 0.2),
        (15, 6, 0.5, 0.0),
        (15, 6, 0.1, 0.5),
        (15, 4, 0.5, 0.2),
    ],
)
def test_equal_competitors_raise_a_false_alarm_on_one_metric_in_20_at_most(
    competitors: int, seeds: int, noise_of_people: float, noise_of_seeds: float
) -> None:
    rng, runs = np.random.default_rng(0), 200 if competitors > 10 else 500
    resamples = Resamples(np.arange(43))
    alarms = 0
    for _ in range(runs):
        shared = rng.normal(size=43)
        samples = []
        for _ in range(competitors):
            person = shared + noise_of_people * rng.normal(size=43)
            values = {s: person[s % 2 :: 2] + noise_of_seeds * rng.normal() for s in range(seeds)}
            samples.append(sample_of(values, resamples))
        alarms += max(ranks(samples, "lower")) > 1
    assert alarms / runs < 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_equal_means_share_a_rank() -> None:
    assert uncertainty.order([2.0, 1.0, 1.0 + 1e-12, 5.0]) == [3, 1, 1, 4]


# --- flipping the roles of people --------------------------------------------------------------


def in_both_folds(
    rng: np.random.Generator, leak: float, seeds: tuple[int, ...] = (0, 1), count: int = 40
) -> dict[int, Contributions]:
    """Distances of people who are unlike each other; of members they are less by ``leak``."""
    people = np.arange(count)
    own = 3 * rng.standard_normal(count)
    found = {}
    for seed in seeds:
        member = people % 2 == seed % 2
        distance = own + rng.standard_normal(count) - leak * member
        found[seed] = Contributions.of(
            [
                Term(patients=people[member], numerators=np.zeros(member.sum())),
                Term(patients=people[~member], numerators=np.zeros((~member).sum())),
                Term(patients=people, numerators=distance, coefficient=0.0),
            ]
        )
    return found


def test_flipped_roles_raise_a_false_alarm_in_one_case_of_twenty() -> None:
    rng = np.random.default_rng(0)
    p = np.array([role_flips(in_both_folds(rng, 0.0)) for _ in range(400)])
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_flipped_roles_find_a_leak_and_more_of_it_in_more_seeds() -> None:
    rng = np.random.default_rng(1)
    two = [role_flips(in_both_folds(rng, 0.7)) or 1.0 for _ in range(100)]
    six = [role_flips(in_both_folds(rng, 0.7, seeds=tuple(range(6)))) or 1.0 for _ in range(100)]
    assert np.mean(np.array(two) <= 0.05) > 0.5
    assert np.mean(np.array(six) <= 0.05) > np.mean(np.array(two) <= 0.05)
    assert all((role_flips(in_both_folds(rng, -2.0)) or 0.0) > 0.5 for _ in range(20))


def test_roles_are_flipped_only_where_both_folds_were_run() -> None:
    assert role_flips(in_both_folds(np.random.default_rng(2), 1.0, seeds=(0, 2))) is None
    assert role_flips(in_both_folds(np.random.default_rng(2), 1.0, seeds=(1, 2))) is None


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    values = np.random.default_rng(0).integers(0, 5, 30).astype(np.float64)
    assert uncertainty._ranked(values).tolist() == stats.rankdata(values).tolist()


def test_equal_means_share_a_place_and_the_next_has_as_many_before_it() -> None:
    assert uncertainty.order([2.0, 1.0, 1.0 + 1e-12, 3.0, 2.0]) == [3, 1, 1, 5, 3]
