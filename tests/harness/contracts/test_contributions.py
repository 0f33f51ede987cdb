from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecgbench import Contributions, Term

RNG = np.random.default_rng(0)
PATIENTS = RNG.integers(1, 6, size=60)
INFLUENCE = RNG.standard_normal(60)


def test_a_mean_over_windows_is_the_mean_whoever_they_belong_to() -> None:
    values, patients = np.array([1.0, 2.0, 6.0]), np.array([9, 4, 9])
    found = Contributions.of([Term(patients=patients, numerators=values)])
    assert found.people.tolist() == [4, 9]
    assert found.evaluate().tolist() == [3.0]


def test_weights_stand_for_people_drawn_again() -> None:
    rng = np.random.default_rng(0)
    patients, values = rng.integers(5, size=200), rng.standard_normal(200)
    found = Contributions.of([Term(patients=patients, numerators=values)], offset=2.0)
    drawn = rng.integers(5, size=(40, 5))
    weights = np.stack([np.bincount(row, minlength=5) for row in drawn]).astype(float)
    again = [2.0 + np.concatenate([values[patients == p] for p in row]).mean() for row in drawn]
    assert found.evaluate(weights) == pytest.approx(np.array(again))


def test_macro_f1_is_a_sum_of_ratios() -> None:
    rng = np.random.default_rng(1)
    patients = rng.integers(7, size=300)
    true, said = rng.integers(3, size=300), rng.integers(3, size=300)
    terms = [
        Term(
            patients=patients,
            numerators=2.0 * ((true == c) & (said == c)),
            denominators=1.0 * (true == c) + (said == c),
            coefficient=1 / 3,
        )
        for c in range(3)
    ]
    wanted = f1_score(true, said, average="macro")
    assert Contributions.of(terms).evaluate()[0] == pytest.approx(wanted)


def test_terms_may_speak_of_different_people() -> None:
    found = Contributions.of(
        [
            Term(patients=np.array([1, 2]), numerators=np.array([4.0, 2.0])),
            Term(patients=np.array([2, 3]), numerators=np.array([1.0, 5.0]), coefficient=-2.0),
        ]
    )
    assert found.people.tolist() == [1, 2, 3]
    assert found.evaluate()[0] == pytest.approx(3.0 - 2 * 3.0)


def test_a_ratio_over_nobody_is_zero() -> None:
    found = Contributions.of(
        [
            Term(patients=np.array([1]), numerators=np.array([4.0])),
            Term(patients=np.array([2]), numerators=np.array([9.0])),
        ],
        offset=1.0,
    )
    assert found.evaluate(np.array([[1.0, 0.0], [0.0, 0.0]])).tolist() == [5.0, 1.0]


def test_nobody_resampled_gives_the_value() -> None:
    found = Contributions.first_order(0.7, (PATIENTS, INFLUENCE), (PATIENTS[:20], INFLUENCE[:20]))
    assert found.evaluate()[0] == pytest.approx(0.7)


def test_a_mean_moves_with_a_persons_weight_as_it_does_in_truth() -> None:
    found = Contributions.first_order(float(INFLUENCE.mean()), (PATIENTS, INFLUENCE))
    step = 1e-6
    for person in range(5):
        weights = np.ones(5)
        weights[person] += step
        weights *= 5 / weights.sum()  # a resample has as many people as there are
        each = weights[PATIENTS - 1]
        expected = (each @ INFLUENCE / each.sum() - INFLUENCE.mean()) / step
        moved = found.evaluate(weights[None])[0] - found.evaluate()[0]
        assert moved / step == pytest.approx(expected, abs=1e-4)


def test_one_person_behind_all_synthetic_windows_leaves_every_resample_finite() -> None:
    found = Contributions.first_order(
        3.0, (PATIENTS, INFLUENCE), (np.ones(30, dtype=np.int64), np.full(30, 2.0))
    )
    without = np.array([[0.0, 2.0, 1.0, 1.0, 1.0]])
    alone = Contributions.first_order(3.0, (PATIENTS, INFLUENCE))
    assert found.evaluate(without) == pytest.approx(alone.evaluate(without))
