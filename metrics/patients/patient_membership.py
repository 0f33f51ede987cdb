"""Three attacks on people: do the synthetic windows tell who took part?

The attacker holds windows of a person outside of the training windows: ``control`` for members, ``test``
for unseen people.  The attacker suspects the person the more, the nearer these are to the synthetic
windows.

The norm is Euclidean over all samples of all leads, in mV, of the beat alone
(`ecgbench.shared.one_beat`): the shape of a beat belongs to the person, the rhythm around it to the
moment.

One cell has no null.  The two halves of the people differ: white noise, which knows nobody, reads .39 in
one fold of MIT-BIH and .62 in the other.  The halves swap roles with the fold, so the mean over both is ½
for a generator that learnt nothing of the members, whatever the people are like.  The board shows that
mean alone, and tests it by flipping the roles of people.

The ``real`` row is no ideal here but the worst case: fresh windows of the members are as much like the
members as can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.neighbors import NearestNeighbors

from ecgbench.metrics.patients.attack import drawn_people, told_apart
from ecgbench.shared import neighbours, one_beat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from ecgbench.metrics.patients import PatientConfig
    from ecgbench.metrics.patients.attack import Floats, People

MANY = 500
"""People; a search for each of more would take hours, for it copies all others each time."""


def patient_membership(comparison: Comparison, config: PatientConfig) -> Score:
    """Return the AUC of d(person) = median over the person's windows of the distance to the nearest.

    Raises:
        Skip: there are fewer than two members or two unseen people.
    """
    beats = one_beat(comparison)
    sides = drawn_people(beats, config.windows)
    return told_apart(sides, [np.median(_distances(beats, side), axis=1) for side in sides])


def patient_closest(comparison: Comparison, config: PatientConfig) -> Score:
    """Return the AUC of d(person) = the least over the person's windows of the distance to the nearest.

    A generator that gives away single beats of a person, and not the usual one, is seen here.

    Raises:
        Skip: there are fewer than two members or two unseen people.
    """
    beats = one_beat(comparison)
    sides = drawn_people(beats, config.windows)
    return told_apart(sides, [np.min(_distances(beats, side), axis=1) for side in sides])


def patient_likelihood_ratio(comparison: Comparison, config: PatientConfig) -> Score:
    """Return the AUC of a likelihood ratio: the synthetic density against that of other people.

    A person with usual beats is near to every generator's windows.  So the attacker divides by what the
    population makes likely: difficulty calibration (Watson et al., ICLR 2022, equation 4), at the level
    of people.  Densities are those of the nearest neighbour (Loftsgaarden, Quesenberry, Ann Math Stat
    36:1049, 1965), so the logarithm of their ratio is, but for the number of dimensions and a constant::

        d(person) = median over windows of log ‖x − nearest synthetic‖ − log ‖x − nearest of others‖

    The others are all other people, members and unseen alike, with equally many windows each.

    Raises:
        Skip: there are fewer than two members or two unseen people.
    """
    beats = one_beat(comparison)
    sides = drawn_people(beats, config.windows)
    shapes = [beats.windows(side.name).signals[side.rows] for side in sides]
    everybody = np.concatenate([shape.reshape(*shape.shape[:2], -1) for shape in shapes])
    to_synthetic = np.concatenate([_distances(beats, side) for side in sides])
    near, usual = np.log(np.maximum(np.stack([to_synthetic, to_others(everybody)]), 1e-12))
    ratios = np.median(near - usual, axis=1)
    return told_apart(sides, np.split(ratios, [len(sides[0].people)]))


def to_others(everybody: NDArray[np.floating]) -> Floats:
    """Return the distance of each window to the nearest one of another person.

    Up to `MANY` people it is a search among the others for each person; beyond, one search among all for
    a window more than a person has.

    Args:
        everybody: shape (person, window, number).

    Returns:
        float64, shape (person, window).
    """
    people, windows, numbers = everybody.shape
    if people <= MANY:
        found = np.empty((people, windows))
        for person, own in enumerate(everybody):
            others = np.delete(everybody, person, axis=0).reshape(-1, numbers)
            search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(others)
            found[person] = search.kneighbors(own)[0][:, 0]
        return found
    every = everybody.reshape(-1, numbers)
    search = NearestNeighbors(n_neighbors=windows + 1, algorithm="brute").fit(every)
    distances, places = search.kneighbors(every)
    is_own = places // windows == np.arange(len(every))[:, None] // windows
    nearest = np.where(is_own, np.inf, distances).min(axis=1)
    return np.asarray(nearest.reshape(people, windows), dtype=np.float64)


def _distances(beats: Comparison, side: People) -> Floats:
    """Return the distance to the nearest synthetic beat, shape (person, window)."""
    distances: Floats = neighbours(beats, side.name, "synthetic").distances[side.rows, 0]
    return distances
