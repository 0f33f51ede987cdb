"""The contributions of people to a score: from the lists of a record to arrays."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.contributions import Contributions
from ecgbench.results.store.records import MOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.results.store.records import ContributionsRecord

MAX_TERMS = 1000
"""Of a score's contributions: each resample evaluates all of them."""


def contributions(record: ContributionsRecord, value: float) -> Contributions:
    """Return the contributions of a record as arrays.

    Args:
        record: of a score.
        value: the score.

    Raises:
        ValueError: their shapes do not fit, their people are not ascending, a number is beyond `MOST`,
            or they do not make the value.
    """
    terms = len(record.coefficients)
    if terms > MAX_TERMS:
        raise ValueError(f"its contributions have more than {MAX_TERMS} terms")
    named = tuple(record.people)
    count, is_ascending = _order(named)
    shape = (count, terms)
    sides = (record.numerators, record.denominators)
    if not all(shape) or any(
        len(rows) != shape[0] or {*map(len, rows)} != {terms} for rows in sides
    ):
        told = " and ".join(f"{len(rows)} × {max(map(len, rows), default=0)}" for rows in sides)
        raise ValueError(f"its contributions have shapes {told}, {shape[0]} × {terms} is wanted")
    try:
        people = _people(named)
    except OverflowError as error:
        raise ValueError(f"its contributions cannot be read: {error}") from error
    if not is_ascending:
        raise ValueError("the people of its contributions are not in ascending order")
    # one array for both sides: there are a hundred thousand such records in a store
    rows = chain.from_iterable(chain(*sides))
    both = np.fromiter(rows, np.float64, 2 * math.prod(shape)).reshape(2, *shape)
    others = (*record.coefficients, record.offset)
    if not (np.abs(both).max() <= MOST and all(abs(each) <= MOST for each in others)):
        raise ValueError(f"its contributions hold numbers beyond {MOST:g}")
    top, bottom = both.sum(axis=1).tolist()
    total = record.offset + sum(
        coefficient * (t / b if b else 0.0)
        for coefficient, t, b in zip(record.coefficients, top, bottom, strict=True)
    )
    if not math.isclose(total, value, rel_tol=1e-5, abs_tol=1e-6):
        raise ValueError(f"its contributions make {total:.6g}, its value is {value:.6g}")
    return Contributions(
        people=people,
        numerators=both[0],
        denominators=both[1],
        coefficients=np.array(record.coefficients),
        offset=record.offset,
    )


@lru_cache(maxsize=64)
def _order(people: tuple[int, ...]) -> tuple[int, bool]:
    """Return how many people there are, and whether they are in ascending order."""
    return len(set(people)), list(people) == sorted(people)


@lru_cache(maxsize=64)
def _people(people: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the people as an array; all scores of a split share it."""
    array = np.array(people, dtype=np.int64)
    array.flags.writeable = False
    return array
