"""The test by flipping the roles of people."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecgbench import Contributions, Term
from ecgbench.results.board import roles
from ecgbench.results.board.roles import Roles, columns, flips, lacks

TERMS = ("members", "unseen", "distance")


def in_both_folds(
    rng: np.random.Generator, leak: float, seeds: tuple[int, ...] = (0, 1), count: int = 40
) -> dict[int, Roles]:
    """Distances of people who are unlike each other; of members they are less by ``leak``."""
    people = np.arange(count)
    own = 3 * rng.standard_normal(count)
    by_seed = {}
    for seed in seeds:
        member = people % 2 == seed % 2
        distance = own + rng.standard_normal(count) - leak * member
        by_seed[seed] = Roles(people, member, distance)
    return by_seed


def test_flipped_roles_raise_a_false_alarm_in_one_case_of_twenty() -> None:
    rng = np.random.default_rng(0)
    p = np.array([flips(in_both_folds(rng, 0.0)) for _ in range(400)])
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.08)


def test_flipped_roles_find_a_leak_and_more_of_it_in_more_seeds() -> None:
    rng = np.random.default_rng(1)
    two = [flips(in_both_folds(rng, 0.7)) or 1.0 for _ in range(100)]
    six = [flips(in_both_folds(rng, 0.7, seeds=tuple(range(6)))) or 1.0 for _ in range(100)]
    assert np.mean(np.array(two) <= 0.05) > 0.5
    assert np.mean(np.array(six) <= 0.05) > np.mean(np.array(two) <= 0.05)
    assert all((flips(in_both_folds(rng, -2.0)) or 0.0) > 0.5 for _ in range(20))


def test_roles_are_flipped_only_where_both_folds_were_run() -> None:
    assert flips(in_both_folds(np.random.default_rng(2), 1.0, seeds=(0, 2))) is None
    assert flips(in_both_folds(np.random.default_rng(2), 1.0, seeds=(1, 2))) is None


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    values = np.random.default_rng(0).integers(0, 5, 30).astype(np.float64)
    assert roles._ranked(values).tolist() == stats.rankdata(values).tolist()


def contributions(*numerators: float) -> Contributions:
    """Contributions of two people, the first a member, with so many terms."""
    person, other = np.array([3]), np.array([7])
    return Contributions.of(
        [
            Term(patients=person, numerators=np.array([numerators[0]])),
            *(Term(patients=np.array([3, 7]), numerators=np.full(2, x)) for x in numerators[1:]),
            Term(patients=np.append(person, other), numerators=np.array([0.25, 0.5])),
        ]
    )


def test_columns_are_found_by_the_names_that_the_spec_gives_them() -> None:
    found = columns(contributions(1.0), ("members", "distance"))
    assert found.people.tolist() == [3, 7]
    assert found.is_member.tolist() == [True, False]
    assert found.distance.tolist() == [0.25, 0.5]
    other = columns(contributions(1.0, 2.0), TERMS)
    assert (other.is_member.tolist(), other.distance.tolist()) == ([True, False], [0.25, 0.5])


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ((), "the metric's spec names no term 'members' and no term 'distance'"),
        (("members", "unseen"), "the metric's spec names no term 'distance'"),
        (TERMS, "its contributions have 2 terms, the metric's spec names 3"),
        (("members", "distance"), ""),
    ],
)
def test_what_lacks_for_a_test_is_said(terms: tuple[str, ...], why: str) -> None:
    assert lacks(contributions(1.0), terms) == why


def test_of_many_people_the_flips_are_drawn_in_parts_and_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_seed = in_both_folds(np.random.default_rng(3), 0.3)
    whole = flips(by_seed)
    monkeypatch.setattr(roles, "MANY", 5)
    assert flips(by_seed) == whole
