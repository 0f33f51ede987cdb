"""Tests of two rows, and ranks by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecgbench.results.board import pairs
from ecgbench.results.board.pairs import ranks
from ecgbench.results.board.uncertainty import RESAMPLES, Resamples, Sample
from tests.results.board.samples import drawn, only_values, sample_of


def test_the_variances_of_many_pairs_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, RESAMPLES)) + 100.0
    rows[1] = rows[0]
    rows[2] = rows[0] + 1e-6 * rows[3]
    rows[4] = 7.0
    rows[5] = 7.0
    i, j = np.triu_indices(len(rows), k=1)
    found = pairs._variance_of_differences(rows, i, j)
    wanted = np.array([(rows[a] - rows[b]).var() for a, b in zip(i, j, strict=True)])
    assert len(i) > len(rows)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=0)
    assert (found[wanted == 0] == 0).all()


def test_a_pair_is_tested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resamples, rng = Resamples(np.arange(20)), np.random.default_rng(0)
    samples = [sample_of({0: rng.normal(size=20) + shift}, resamples) for shift in (0.0, 5.0)]
    tests, calls = pairs.Tests(), 0
    of_pairs = pairs.p_values

    def counted(*how: Any) -> Any:
        nonlocal calls
        calls += 1
        return of_pairs(*how)

    monkeypatch.setattr(pairs, "p_values", counted)
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
    assert pairs._significant(p, 4).tolist() == [False, True, True, False]
    # of six hypotheses the two that are not given have p = 1
    assert pairs._significant(p, 6).tolist() == [False, False, False, False]


def test_absent_competitors_are_behind_all_others_and_tie() -> None:
    assert ranks([only_values(9.0), None, only_values(1.0), None], "lower") == [2, 3, 1, 3]
    assert ranks([None, None], "lower") == [1, 1]


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


def test_equal_means_share_a_place_and_the_next_has_as_many_before_it() -> None:
    assert pairs.order([2.0, 1.0, 1.0 + 1e-12, 3.0, 2.0]) == [3, 1, 1, 5, 3]
