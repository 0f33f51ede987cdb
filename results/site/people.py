"""Who is given away: how much nearer each person is to the synthetic windows as a member than as unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.board import roles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench.results.board.board import Whole
    from ecgbench.results.board.gather import Ended

MOST_PEOPLE = 500
"""Dots that a chart can show."""

PeopleScores = dict[str, dict[str, list[list[float]]]]


def people(whole: Whole) -> PeopleScores:
    """Return ``[person, gap]`` of each person, by metric label and row label.

    Only metrics of both folds with the terms of `ecgbench.results.board.roles` have them.  The gap is the
    person's share of people who are nearer to the synthetic windows: as unseen, less as a member, each a
    mean over seeds.  It is 0 if nobody is given away, and 1 if the person is the nearest of all as a
    member and the farthest of all as unseen.
    """
    found: PeopleScores = {}
    for label, metric in whole.board.metrics.items():
        if not metric.needs_both_folds:
            continue
        terms = whole.gathered.terms[label]
        for row, of_row in whole.gathered.rows:
            if gaps := _gaps(of_row[label], terms):
                found.setdefault(label, {})[row.label] = gaps
    return found


def _gaps(ends: Mapping[int, Ended], terms: tuple[str, ...]) -> list[list[float]]:
    """Return the person and the gap of each person who was a member on one seed and unseen on another."""
    as_member: dict[int, list[float]] = {}
    as_unseen: dict[int, list[float]] = {}
    for end in ends.values():
        given = None if end.score is None else end.score.contributions
        if given is None or roles.lacks(given, terms) or len(given.people) > MOST_PEOPLE:
            continue
        of = roles.columns(given, terms)
        shares = _nearer(of.distance)
        for person, member, share in zip(of.people, of.is_member, shares, strict=True):
            (as_member if member else as_unseen).setdefault(int(person), []).append(float(share))
    return [
        [person, round(float(np.mean(as_unseen[person]) - np.mean(as_member[person])), 4)]
        for person in sorted(as_member.keys() & as_unseen.keys())
    ]


def _nearer(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the others who are nearer than each person; half of a tie."""
    below = (distance[None, :] < distance[:, None]).sum(axis=1)
    equal = (distance[None, :] == distance[:, None]).sum(axis=1) - 1
    return np.asarray((below + equal / 2) / max(1, len(distance) - 1))
