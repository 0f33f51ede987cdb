"""The search space of a generator: what ``ecgbench tune`` tries."""

from __future__ import annotations

from typing import Any

import msgspec


class Between(msgspec.Struct, frozen=True):
    """All numbers between two, which count too; whole ones if both are whole.

    Attributes:
        low: the least.
        high: the greatest.
        log: whether to search on a scale of logarithms; ``low`` is then above 0.
    """

    low: float | int
    high: float | int
    log: bool = False


class OneOf(msgspec.Struct, frozen=True):
    """One of several values.

    Attributes:
        values: two or more, each a text, a number, a truth value or None.
    """

    values: tuple[Any, ...]


Search = Between | OneOf


def ends(search: Search) -> tuple[Any, ...]:
    """Return the values that must be valid if all are: both ends, or each of several."""
    return search.values if isinstance(search, OneOf) else (search.low, search.high)
