from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecgbench import Contributions, Term


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
