"""`patient-membership`: do the synthetic windows tell who took part?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip, Term
from ecgbench.contracts.streams import PatientStream
from ecgbench.shared import neighbours, one_beat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.patients import PatientMembershipConfig


def patient_membership(comparison: Comparison, config: PatientMembershipConfig) -> Score:
    """Return the AUC with which distances to the synthetic windows tell members from unseen people.

    The attacker holds windows of a person outside of the training windows: ``control`` for members,
    ``test`` for unseen people.  The attacker suspects the person the more, the nearer these are to the
    synthetic windows.

    The norm is Euclidean over all samples of all leads, in mV, of the beat alone
    (`ecgbench.shared.one_beat`): the shape of a beat belongs to the person, the rhythm around it to the
    moment.  A median over few windows varies more.  So every person gives equally many windows, drawn at
    random: as many as the person with the fewest has, and at most ``windows``.

    One cell has no null.  The two halves of the people differ: white noise, which knows nobody, reads
    .39 in one fold of MIT-BIH and .62 in the other.  The halves swap roles with the fold, so the mean
    over both is ½ for a generator that learnt nothing of the members, whatever the people are like.
    The board shows that mean alone, and tests it by flipping the roles of people.

    The ``real`` row is no ideal here but the worst case: fresh windows of the members are as much like
    the members as can be.

    Returns:
        The value, with parts ``members`` and ``unseen``, the mean d of each.  Per-person contributions
        are DeLong's structural components; a further term of coefficient 0 holds each d for the
        board's test.

    Raises:
        Skip: there are fewer than two members or two unseen people.
    """
    rng = np.random.default_rng([comparison.seed, PatientStream.WINDOWS])
    beats = one_beat(comparison)
    sides = beats.splits.control, beats.splits.test
    fewest = min(int(np.unique(side.patients, return_counts=True)[1].min()) for side in sides)
    count = min(fewest, config.windows)
    members, of_members = _medians(
        sides[0], neighbours(beats, "control", "synthetic").distances[:, 0], count, rng
    )
    unseen, of_unseen = _medians(
        sides[1], neighbours(beats, "test", "synthetic").distances[:, 0], count, rng
    )
    if min(len(members), len(unseen)) < 2:
        raise Skip("it needs two members and two unseen people")
    nearer = (of_members[:, None] < of_unseen) + (of_members[:, None] == of_unseen) / 2
    value = float(nearer.mean())
    return Score(
        value=value,
        parts={"members": float(of_members.mean()), "unseen": float(of_unseen.mean())},
        contributions=Contributions.of(
            [
                Term(patients=members, numerators=nearer.mean(axis=1)),
                Term(patients=unseen, numerators=nearer.mean(axis=0)),
                Term(
                    patients=np.concatenate([members, unseen]),
                    numerators=np.concatenate([of_members, of_unseen]),
                    coefficient=0.0,
                ),
            ],
            offset=-value,
        ),
        n=count * (len(members) + len(unseen)),
    )


def _medians(
    windows: EcgWindows, distances: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the people, and the median distance of so many windows of each, drawn at random."""
    people = np.unique(windows.patients)
    medians = [
        np.median(distances[rng.permutation(np.flatnonzero(windows.patients == person))[:count]])
        for person in people
    ]
    return people, np.array(medians)
