"""The attack on people that all metrics of this suite make: who is nearer to the synthetic windows?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.contracts.sampling import PARTS, random_parts
from ecgbench.contracts.streams import PatientStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ecgbench import Comparison

    Floats = NDArray[np.float64]


class People(NamedTuple):
    """Windows of the people of one side, equally many of each.

    Attributes:
        name: of the side.
        people: int64, shape (person,).
        rows: places of their windows in the side, int64, shape (person, window).
    """

    name: Literal["control", "test"]
    people: NDArray[np.int64]
    rows: NDArray[np.int64]


def drawn_people(comparison: Comparison, most: int) -> tuple[People, People]:
    """Draw windows of the members from ``control``, and of the unseen people from ``test``.

    A member has windows in ``train`` and in ``control``.  Somebody with windows in ``control`` alone
    took no part in the training.  People with few windows are often without one of the two, so unseen
    people take part by the same lot: if the split's draw would give them both.  A median over few windows
    varies more.  So every person gives equally many: as many as the person with the fewest has, and at
    most ``most``.

    Raises:
        Skip: there are fewer than two members or two unseen people.
    """
    splits, test = comparison.splits, comparison.splits.test
    known = np.intersect1d(splits.train.patients, splits.control.patients)
    lot = np.random.default_rng([comparison.seed, PatientStream.PARTS])
    part = np.array([name for name, _ in PARTS])[random_parts(test.patients, test.labels, lot)]
    others = np.intersect1d(test.patients[part == "train"], test.patients[part == "control"])
    if min(len(known), len(others)) < 2:
        raise Skip(
            f"it needs two members and two unseen people with windows for train and for control, and "
            f"has {len(known)} and {len(others)}; of people with one window, membership-inference tells "
            "who took part"
        )
    rng = np.random.default_rng([comparison.seed, PatientStream.WINDOWS])
    fewest = min(
        int((side.patients == person).sum())
        for side, people in ((splits.control, known), (test, others))
        for person in people
    )
    count = min(fewest, most)
    members = _drawn(comparison, "control", known, count, rng)
    return members, _drawn(comparison, "test", others, count, rng)


def told_apart(sides: tuple[People, People], distances: Sequence[Floats]) -> Score:
    """Return the AUC with which a distance tells members from unseen people.

    Args:
        sides: the members, and the unseen people.
        distances: d of each person to the synthetic windows, shape (person,), of both sides.

    Returns:
        P(d(member) < d(unseen)) + ½ P(equal), with parts ``members`` and ``unseen``, the mean d of each.
        Per-person contributions are DeLong's structural components; a further term of coefficient 0
        holds each d for the board's test.
    """
    (members, unseen), (of_members, of_unseen) = sides, distances
    nearer = (of_members[:, None] < of_unseen) + (of_members[:, None] == of_unseen) / 2
    value = float(nearer.mean())
    return Score(
        value=value,
        parts={"members": float(of_members.mean()), "unseen": float(of_unseen.mean())},
        contributions=Contributions.of(
            [
                Term(patients=members.people, numerators=nearer.mean(axis=1)),
                Term(patients=unseen.people, numerators=nearer.mean(axis=0)),
                Term(
                    patients=np.concatenate([members.people, unseen.people]),
                    numerators=np.concatenate([of_members, of_unseen]),
                    coefficient=0.0,
                ),
            ],
            offset=-value,
        ),
        n=members.rows.size + unseen.rows.size,
    )


def _drawn(
    comparison: Comparison,
    name: Literal["control", "test"],
    people: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> People:
    patients = comparison.windows(name).patients
    rows = [rng.permutation(np.flatnonzero(patients == person))[:count] for person in people]
    return People(name, people, np.array(rows))
