"""Searches along the samples of many windows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

T = TypeVar("T", bound=np.generic)


def at(values: NDArray[T], places: Places) -> NDArray[T]:
    """Return the entry of each row of ``values`` at its place."""
    return np.take_along_axis(values, places[:, None], axis=1)[:, 0]


def last(true: NDArray[np.bool_], before: NDArray[Any]) -> Places:
    """Return the last true place in each row before a place; −1 if there is none."""
    n = np.arange(true.shape[1])
    there = true & (n < before[:, None])
    return np.where(there.any(axis=1), n[-1] - there[:, ::-1].argmax(axis=1), -1)


def first(true: NDArray[np.bool_], after: NDArray[Any]) -> Places:
    """Return the first true place in each row after a place; the row's length if there is none."""
    n = np.arange(true.shape[1])
    there = true & (n > after[:, None])
    return np.where(there.any(axis=1), there.argmax(axis=1), len(n))


def highest(values: NDArray[np.float64], begin: NDArray[Any], end: NDArray[Any]) -> Places:
    """Return the place of each row's highest value from ``begin`` to ``end``, both included."""
    n = np.arange(values.shape[1])
    inside = (n >= begin[:, None]) & (n <= end[:, None])
    return np.asarray(np.where(inside, values, -np.inf).argmax(axis=1), dtype=np.int64)
