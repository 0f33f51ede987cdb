"""A test of whether a generator knows who its members were: the roles of people, flipped."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.board.uncertainty import SEED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.contracts.contributions import Contributions

FLIPS = 10_000
"""Random flips of the roles of people; p-values go down to one in so many."""

MANY, CHUNK = 500, 100
"""Of more people than this, so many flips are drawn at once: all would need too much memory."""

MEMBERS, DISTANCE = "members", "distance"
"""The terms of the test, by their names in the metric's spec (`MetricSpec.terms`).

Each member counts in the denominator of the first, nobody else.  The numerator of the second is the
distance from each person to the synthetic windows."""

TOO_FEW = "it needs two people who were members in one fold and unseen in the other"


class Roles(NamedTuple):
    """Who was a member on one seed, and how near each person is to the synthetic windows.

    Attributes:
        people: int64, shape (person,), ascending.
        is_member: bool, shape (person,).
        distance: float64, shape (person,).
    """

    people: NDArray[np.int64]
    is_member: NDArray[np.bool_]
    distance: NDArray[np.float64]


def lacks(contributions: Contributions, terms: Sequence[str]) -> str:
    """Return why there is no test of these contributions; empty if there is one.

    Args:
        contributions: of one seed.
        terms: their names, as the metric's spec has them.
    """
    if missing := [name for name in (MEMBERS, DISTANCE) if name not in terms]:
        return f"the metric's spec names no term {' and no term '.join(map(repr, missing))}"
    count = len(contributions.coefficients)
    if count != len(terms):
        return (
            f"its contributions have {count} term{'' if count == 1 else 's'}, the metric's spec names "
            f"{len(terms)}"
        )
    return ""


def columns(contributions: Contributions, terms: Sequence[str]) -> Roles:
    """Return roles and distances from contributions, if `lacks` says nothing of them."""
    return Roles(
        people=contributions.people,
        is_member=contributions.denominators[:, terms.index(MEMBERS)] > 0,
        distance=contributions.numerators[:, terms.index(DISTANCE)],
    )


def flips(by_seed: Mapping[int, Roles]) -> float | None:
    """Return the one-sided p of the hypothesis of no leak: no generator knows who its members were.

    Each person was a member in one fold and unseen in the other.  The difference of the person's ranks,
    as a member less as unseen, among all people by distance to the synthetic windows, has either sign
    with equal probability if the generator learnt nothing of the members.  The statistic is the sum of
    these differences over people and over the pairs of seeds 2k and 2k + 1; p is the share of `FLIPS`
    random flips of people's signs with a sum as low or lower, the observed one counted.

    Args:
        by_seed: roles and distances on each seed.

    Returns:
        None if no pair of seeds is complete, or fewer than two people changed their role.
    """
    total: dict[int, float] = {}
    for seed, even in by_seed.items():
        if seed % 2 or seed + 1 not in by_seed:
            continue
        odd = by_seed[seed + 1]
        shared = np.intersect1d(even.people, odd.people)
        ranks, member = [], []
        for fold in (even, odd):
            places = np.searchsorted(fold.people, shared)
            ranks.append(_ranked(fold.distance)[places] / len(fold.people))
            member.append(fold.is_member[places])
        swapped = member[0] != member[1]
        nearer = np.where(member[0], ranks[0] - ranks[1], ranks[1] - ranks[0])
        for person, value in zip(shared[swapped].tolist(), nearer[swapped].tolist(), strict=True):
            total[person] = total.get(person, 0.0) + value
    if len(total) < 2:
        return None
    values = np.array([total[person] for person in sorted(total)])
    return float((1 + np.sum(_sums(values) <= values.sum() + 1e-12)) / (1 + FLIPS))


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the values under random signs, shape (flip,)."""
    if len(values) <= MANY:
        return np.asarray(_signs(len(values)) @ values)
    rng = np.random.default_rng(SEED)
    parts = [
        rng.choice([-1.0, 1.0], size=(CHUNK, len(values))) @ values for _ in range(FLIPS // CHUNK)
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def _signs(people: int) -> NDArray[np.float64]:
    """Return the signs of `FLIPS` random flips, the same for every row."""
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(FLIPS, people))
    signs.flags.writeable = False
    return signs


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1 by ascending value; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[place])
