"""The exploration of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.harness.exploration.quality import quality
from ecgbench.harness.exploration.rates import STRIP, rates
from ecgbench.harness.exploration.records import (
    LEVELS,
    ClassFacts,
    Exploration,
    FoldFacts,
    LeadFacts,
    PartFacts,
    PersonFacts,
    Spread,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows, Splits

BINS = 40
"""Of a histogram."""

EXAMPLES = 2
"""Windows of a class."""

PARTS = ("train", "control", "auxiliary", "fresh", "test")


def explore(
    windows: EcgWindows,
    splits: Mapping[int, Splits] | None = None,
    *,
    seed: int = 0,
) -> Exploration:
    """Return the classes, people, leads, heart rates, quality and splits of a dataset.

    Args:
        windows: all of the dataset.
        splits: its divisions by seed.
        seed: draws the examples.
    """
    counts = _by_class(windows)
    found = rates(windows)
    minute = 60 / found.rr
    rng = np.random.default_rng(seed)
    classes = []
    for label, name in enumerate(windows.classes):
        own = np.flatnonzero(windows.labels == label)
        of_people = counts[:, label]
        classes.append(
            ClassFacts(
                name=name,
                windows=len(own),
                people=int((of_people > 0).sum()),
                largest=int(of_people.max(initial=0)),
                heart_rate=spread(minute[found.labels == label], "beats/min", 20, 220),
                examples=sorted(rng.permutation(own)[:EXAMPLES].tolist()),
            )
        )
    leads = [_lead(windows, lead) for lead in range(len(windows.leads))]
    is_strip = windows.length / windows.sampling_rate >= STRIP
    per_person = counts.sum(axis=1).astype(float)
    return Exploration(
        windows=len(windows),
        people=len(counts),
        kind="strips" if is_strip else "beats",
        sampling_rate=float(windows.sampling_rate),
        length=windows.length,
        per_person=spread(per_person, "windows", 0, float(per_person.max(initial=1))),
        rr=spread(found.rr, "s", 0, 2),
        heart_rate=spread(minute, "beats/min", 20, 220),
        rate_from=found.source,
        classes=classes,
        everybody=_everybody(windows, counts),
        leads=leads,
        folds=[_fold(each, own) for each, own in (splits or {}).items()],
        notes=_notes(classes, leads, len(counts)),
    )


def spread(values: NDArray[np.float64], unit: str, low: float, high: float) -> Spread:
    """Return quantiles and a histogram of the finite values, from ``low`` to ``high``."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Spread(unit=unit, n=0)
    counts, edges = np.histogram(np.clip(known, low, high), bins=BINS, range=(low, high))
    return Spread(
        unit=unit,
        n=len(known),
        quantiles=np.quantile(known, LEVELS).tolist(),
        edges=edges.tolist(),
        counts=counts.tolist(),
    )


def _by_class(windows: EcgWindows) -> NDArray[np.int64]:
    """Return the number of windows, shape (person, class), people ascending."""
    people, place = np.unique(windows.patients, return_inverse=True)
    shape = (len(people), len(windows.classes))
    flat = np.bincount(place * shape[1] + windows.labels, minlength=shape[0] * shape[1])
    return np.asarray(flat.reshape(shape), dtype=np.int64)


def _everybody(windows: EcgWindows, counts: NDArray[np.int64]) -> list[PersonFacts]:
    people = np.unique(windows.patients)
    records: list[int | None] = [None] * len(people)
    if windows.records is not None:
        pairs = np.unique(np.stack([windows.patients.astype(str), windows.records]), axis=1)
        number = dict(zip(*np.unique(pairs[0], return_counts=True), strict=True))
        records = [int(number[str(person)]) for person in people]
    known = windows.attributes or {}
    return [
        PersonFacts(
            person=int(person),
            windows=int(own.sum()),
            by_class=own.tolist(),
            records=count,
            attributes=dict(known.get(int(person), {})),
        )
        for person, own, count in zip(people, counts, records, strict=True)
    ]


def _lead(windows: EcgWindows, lead: int) -> LeadFacts:
    found = quality(windows.signals[:, lead], windows.sampling_rate)
    there = ~found.flat
    return LeadFacts(
        name=windows.leads[lead],
        flat=float(found.flat.mean()),
        saturated=float(found.saturated.mean()),
        amplitude=spread(found.amplitude[there], "mV", 0, 6),
        wander=spread(found.wander[there], "of the power", 0, 1),
        noise=spread(found.noise[there], "µV", 0, 100),
    )


def _fold(seed: int, splits: Splits) -> FoldFacts:
    parts = []
    for name in PARTS:
        own: EcgWindows = getattr(splits, name)
        by_class = np.bincount(own.labels, minlength=len(own.classes))
        parts.append(
            PartFacts(
                name=name,
                windows=len(own),
                people=len(np.unique(own.patients)),
                by_class=by_class.tolist(),
            )
        )
    return FoldFacts(seed=seed, fold=splits.fold, parts=parts)


def _notes(classes: list[ClassFacts], leads: list[LeadFacts], people: int) -> list[str]:
    """Return sentences on what a reader could miss."""
    notes = [
        f"Of the {each.windows} windows of class {each.name}, one person has {each.largest}."
        for each in classes
        if people > 1 and each.windows > 1 and each.largest > each.windows / 2
    ]
    notes += [f"Class {each.name} has no window." for each in classes if not each.windows]
    notes += [
        f"Lead {each.name} is flat in {each.flat:.1%} of the windows."
        for each in leads
        if each.flat > 0
    ]
    notes += [
        f"Lead {each.name} is saturated in {each.saturated:.1%} of the windows."
        for each in leads
        if each.saturated > 0.01
    ]
    return notes
