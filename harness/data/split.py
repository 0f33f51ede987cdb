"""The protocol's splits, made once from a dataset's windows and a seed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.contracts.sampling import PARTS, random_parts, strata
from ecgbench.contracts.windows import PROTOCOL, EcgWindows, Splits
from ecgbench.large import take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.results.store.records import DatasetRecord

Halves = tuple[tuple[int, ...], tuple[int, ...]]


def split(windows: EcgWindows, seed: int, halves: Halves | None = None) -> Splits:
    """Divide a dataset by the protocol (docs/protocol.md).

    Patients are members or unseen; the two halves swap roles with the parity of the seed (the fold).
    Members' windows go at random to `PARTS`, stratified by patient and class.  If no member has two
    windows, they are stratified by class alone: a lot for each person alone would leave the sizes of the
    parts to chance.

    Args:
        windows: all windows of the dataset.
        seed: of the cell.
        halves: the customary division of the patients; without one they are divided at random, the
            same for seeds 2k and 2k + 1.

    Raises:
        DataError: ``halves`` leave a patient out, or there are too few windows for every part.
    """
    fold = seed % 2
    members = _members(windows.patients, seed, halves)
    chosen = np.flatnonzero(np.isin(windows.patients, members))
    rest = np.flatnonzero(~np.isin(windows.patients, members))
    strata_of = windows.patients[chosen]
    if len(np.unique(strata_of)) == len(strata_of):
        strata_of = np.zeros_like(strata_of)
    part_of = random_parts(
        strata_of, windows.labels[chosen], np.random.default_rng([PROTOCOL, seed])
    )
    parts = {}
    for number, (name, share) in enumerate(PARTS):
        parts[name] = take(windows, chosen[part_of == number])
        if not len(parts[name]):
            raise DataError(
                f"{len(chosen)} windows of {len(members)} member patients leave none for {name} "
                f"(a share of {share}); use more windows"
            )
    return Splits(test=take(windows, rest), fold=fold, **parts)


def divided(
    windows: EcgWindows, dataset: DatasetRecord, seed: int, halves: Halves | None
) -> Splits:
    """Divide what a study uses of a dataset: a subsample, or the training windows of another split.

    In a nested split (nested cross-validation) the people of these training windows are divided at
    random into members and unseen ones, and nobody else's windows are looked at.

    Args:
        windows: all of the dataset.
        dataset: its record.
        seed: of the cell.
        halves: the customary division of the patients of the whole dataset.

    Raises:
        DataError: there are too few windows for every part.
    """
    chosen = subsample(windows, dataset.windows)
    if dataset.nested is None:
        return split(chosen, seed, halves)
    return split(split(chosen, dataset.nested, halves).train, seed)


def subsample(windows: EcgWindows, count: int | None) -> EcgWindows:
    """Return at most ``count`` windows, the same at every call, stratified by patient and class.

    Every patient and class of the dataset keeps its share; a stratum too small for a whole
    window keeps one with a probability of its share.
    """
    if count is None or count >= len(windows):
        return windows
    rng = np.random.default_rng([PROTOCOL, count])
    share = count / len(windows)
    kept = np.zeros(len(windows), dtype=bool)
    for rows in strata(windows.patients, windows.labels):
        quota = len(rows) * share
        whole = int(quota) + int(rng.random() < quota - int(quota))
        kept[rng.permutation(rows)[:whole]] = True
    return take(windows, kept)


def number(windows: EcgWindows) -> EcgWindows:
    """Return the windows with their places in the dataset in ``indices``."""
    return dataclasses.replace(windows, indices=np.arange(len(windows), dtype=np.int64))


def _members(patients: NDArray[np.int64], seed: int, halves: Halves | None) -> NDArray[np.int64]:
    people = np.unique(patients)
    if halves is not None:
        missing = np.setdiff1d(people, [*halves[0], *halves[1]])
        if len(missing):
            raise DataError(
                f"the dataset's halves leave out {len(missing)} of its patients, first {missing[0]}"
            )
        return np.intersect1d(people, halves[seed % 2])
    if len(people) == 1:
        return people
    shuffled = np.random.default_rng([PROTOCOL, seed // 2]).permutation(people)
    return np.sort(shuffled[seed % 2 :: 2])
