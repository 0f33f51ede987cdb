"""`identifiability`: do synthetic windows single out more training windows than unused ones?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Comparison, Contributions, Score, Skip, Term, exchangeable_parts
from ecgbench.contracts.streams import PrivacyStream
from ecgbench.large import take
from ecgbench.shared import neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Config, EcgWindows


def identifiability(comparison: Comparison, _config: Config) -> Score:
    """Return the ε-identifiability of ``train`` less that of ``control``.

    ε is the share of the real records that are nearer to a synthetic record than to any other real one
    (Yoon, Drumright, van der Schaar, IEEE JBHI 24:2378, 2020, and ``compute_identifiability.py`` of
    their code).  The nearest real neighbour gets nearer as the set grows, so ε depends on its size.
    So ε(train) is the mean over K = ⌊n_train / n_control⌋ disjoint parts of ``train``, each of control's
    size and stratified as it is.  Alone, ε cannot be read: fresh windows of the same people single out
    nearly half of all windows.  The windows were divided between ``train`` and ``control`` at random, so
    a generator that learnt nothing by heart singles out equally many of both.

    Two things differ from the published code.  It divides each feature by its entropy, computed from
    values rounded to integers: its features are a patient's age, diagnosis and the like.  Here all
    features are samples of one signal, in mV, and most would round to 0; distances are plain Euclidean
    over all samples of all leads.  And a tie counts as half a hit.  There is a tie if the nearest
    synthetic window is an exact copy of the nearest real one.  Under the least noise such ties come to
    half; if they counted as no hits, exact copies would look safer than noisy ones.

    Exact copies of all of ``train`` score 1 − ε(control).

    Returns:
        The value, with parts ``train`` and ``control`` (the two ε), and per-person contributions.
        These are exact: a person's windows keep their hits when people are resampled.

    Raises:
        Skip: there are fewer than two windows to compare.
    """
    train, control = comparison.splits.train, comparison.splits.control
    if min(len(train), len(control)) < 2:
        raise Skip(f"{len(train)} training and {len(control)} control windows; two each are needed")
    real = comparison.once("identifiability-real", lambda: _real(comparison), version=1)
    hits_train = _hits(neighbours(comparison, "train", "synthetic").distances[:, 0], real["train"])
    hits_control = _hits(
        neighbours(comparison, "control", "synthetic").distances[:, 0], real["control"]
    )
    count = int(real["part"].max()) + 1
    parts = [real["part"] == k for k in range(count)]
    epsilon_train = float(np.mean([hits_train[part].mean() for part in parts]))
    epsilon_control = float(hits_control.mean())
    terms = [
        Term(patients=train.patients[part], numerators=hits_train[part], coefficient=1 / count)
        for part in parts
    ]
    terms.append(Term(patients=control.patients, numerators=hits_control, coefficient=-1.0))
    return Score(
        value=epsilon_train - epsilon_control,
        parts={"train": epsilon_train, "control": epsilon_control},
        contributions=Contributions.of(terms),
        n=sum(int(part.sum()) for part in parts) + len(control),
    )


def _hits(synthetic: NDArray[np.float64], real: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 if the nearest synthetic window is nearer than the nearest real one, ½ if as near, else 0."""
    return np.asarray((synthetic < real) / 2 + (synthetic <= real) / 2)


def _real(comparison: Comparison) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
    """Return the part of each training window (−1: none), and distances to the nearest real neighbour."""
    train, control = comparison.splits.train, comparison.splits.control
    part = exchangeable_parts(
        train, len(control), np.random.default_rng([comparison.seed, PrivacyStream.PARTS])
    )
    distances = np.zeros(len(train))
    for k in range(int(part.max()) + 1):
        distances[part == k] = _nearest_other(comparison, take(train, part == k))
    return {
        "part": part,
        "train": distances,
        "control": neighbours(comparison, "control", "control").distances[:, 0],
    }


def _nearest_other(comparison: Comparison, windows: EcgWindows) -> NDArray[np.float64]:
    """Return the distance of each window to its nearest other one, by the same search as control's."""
    splits = dataclasses.replace(comparison.splits, control=windows)
    inner = Comparison(
        synthetic=comparison.synthetic,
        splits=splits,
        seed=comparison.seed,
        headline_classes=comparison.headline_classes,
    )
    return neighbours(inner, "control", "control").distances[:, 0]
