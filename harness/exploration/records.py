"""The result of an exploration, typed; its JSON is for programs."""

from __future__ import annotations

from typing import Literal

import msgspec

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the quantiles."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity is distributed.

    Attributes:
        unit: of the values.
        n: number of values; with 0 the lists are empty.
        quantiles: at `LEVELS`.
        edges: of the bins of a histogram, one more than counts; what lies outside counts in the outer bins.
        counts: values in each bin.
    """

    unit: str
    n: int
    quantiles: list[float] = []
    edges: list[float] = []
    counts: list[int] = []


class ClassFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A class.

    Attributes:
        name: of the class.
        windows: their number.
        people: with such windows.
        largest: windows of the person with the most.
        heart_rate: beats per minute; of beats, 60 / the interval that ends at a beat of this class.
        examples: rows of windows, drawn at random.
    """

    name: str
    windows: int
    people: int
    largest: int
    heart_rate: Spread
    examples: list[int]


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A person.

    Attributes:
        person: the dataset's number.
        windows: their number.
        by_class: the same, by class.
        records: recordings, if they are known.
        attributes: from the dataset.
    """

    person: int
    windows: int
    by_class: list[int]
    records: int | None
    attributes: dict[str, str | float]


class LeadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A lead.

    Attributes:
        name: of the lead.
        flat: share of windows with one value in this lead: the lead is missing or off.
        saturated: share of windows with a run of equal samples at their largest or smallest value.
        amplitude: largest less smallest value of a window, mV.
        wander: share of a window's power below 1 Hz.
        noise: deviation of white noise that the second differences suggest, µV.
    """

    name: str
    flat: float
    saturated: float
    amplitude: Spread
    wander: Spread
    noise: Spread


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a split.

    Attributes:
        name: ``train``, ``control``, ``auxiliary``, ``fresh`` or ``test``.
        windows: their number.
        people: their number.
        by_class: windows by class.
    """

    name: str
    windows: int
    people: int
    by_class: list[int]


class FoldFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The division by one seed.

    Attributes:
        seed: of the division.
        fold: 0 or 1.
        parts: of the windows.
    """

    seed: int
    fold: int
    parts: list[PartFacts]


class Exploration(msgspec.Struct, frozen=True, kw_only=True):
    """The exploration of a dataset.

    Attributes:
        windows: their number.
        people: their number.
        kind: ``beats``, aligned at a beat, or ``strips``.
        sampling_rate: Hz.
        length: samples in a window.
        per_person: windows of a person.
        rr: seconds between neighbouring beats; empty if the places of the beats are not known.
        heart_rate: beats per minute.
        rate_from: the source of both, in words.
        classes: by label.
        everybody: the people, by number.
        leads: in the order of the signals.
        folds: of two seeds.
        notes: sentences for readers.
    """

    schema: int = 1
    windows: int
    people: int
    kind: Literal["beats", "strips"]
    sampling_rate: float
    length: int
    per_person: Spread
    rr: Spread
    heart_rate: Spread
    rate_from: str
    classes: list[ClassFacts]
    everybody: list[PersonFacts]
    leads: list[LeadFacts]
    folds: list[FoldFacts]
    notes: list[str]
