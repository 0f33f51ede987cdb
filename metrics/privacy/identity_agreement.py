"""`identity-agreement`: do the synthetic windows look like particular people?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Comparison, Contributions, Score, Skip, Term
from ecgbench.contracts.streams import PrivacyStream
from ecgbench.shared import neighbours, one_beat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Config, EcgWindows


def identity_agreement(comparison: Comparison, _config: Config) -> Score:
    """Return the share of synthetic windows that ``train`` and ``control`` take for the same person's.

    Distances are Euclidean over all samples of all leads, in mV, of the beats alone
    (`ecgbench.shared.one_beat`).  ``train`` and ``control`` are disjoint samples of the same people's
    windows: if both name one person, the window looks like that person.  A generator need not copy a
    window for that; its windows need only look like those of a certain person.

    There is no ideal: a window of somebody else agrees, too, if one member's heart is most like this
    one's.  So read the value beside its parts.  ``test`` is the same for as many windows of unseen
    people, which know no member: a value above it tells of the members.  ``fresh`` is the same for unused
    windows of the members, the most that can be told.

    Returns:
        The value with its parts.  Per-person contributions are exact: a synthetic window belongs
        half to the patient of either nearest window, and keeps its answer when people are resampled.

    Raises:
        Skip: ``train`` and ``control`` do not have two people or more in common.
    """
    train, control = comparison.splits.train, comparison.splits.control
    people = np.intersect1d(train.patients, control.patients)
    if len(people) < 2:
        raise Skip(f"train and control share {len(people)} people; it needs two")
    parts = comparison.once("identity-agreement-real", lambda: _real(comparison), version=2)
    by_train, by_control = _named(one_beat(comparison))
    agree = by_train == by_control
    value = float(agree.mean())
    return Score(
        value=value,
        parts={name: float(share) for name, share in parts.items()},
        contributions=Contributions.of(
            [
                Term(
                    patients=np.concatenate([by_train, by_control]),
                    numerators=np.tile(agree / 2, 2),
                    denominators=np.full(2 * len(agree), 0.5),
                )
            ]
        ),
        n=len(agree),
    )


def _named(beats: Comparison) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the patients of the nearest windows in ``train`` and in ``control``."""
    of_train = neighbours(beats, "synthetic", "train").indices[:, 0]
    of_control = neighbours(beats, "synthetic", "control").indices[:, 0]
    return beats.splits.train.patients[of_train], beats.splits.control.patients[of_control]


def _real(comparison: Comparison) -> dict[str, NDArray[np.float64]]:
    """Return the agreement of windows of unseen people and of unused windows of the members."""
    beats = one_beat(comparison)
    test, count = beats.splits.test, len(beats.splits.fresh)
    rows = np.random.default_rng([comparison.seed, PrivacyStream.UNSEEN_WINDOWS]).permutation(
        len(test)
    )[:count]
    return {
        "test": _agreement(beats, test.take(np.sort(rows))),
        "fresh": _agreement(beats, beats.splits.fresh),
    }


def _agreement(beats: Comparison, windows: EcgWindows) -> NDArray[np.float64]:
    """Return the agreement of real windows in the place of the synthetic ones."""
    by_train, by_control = _named(dataclasses.replace(beats, synthetic=windows, _memo={}))
    return np.array((by_train == by_control).mean())
