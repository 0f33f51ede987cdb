"""The content of a file of windows, as every format gives it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.results.store.npz import UNREADABLE, parse_npy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ARRAYS = (
    "signals",
    "labels",
    "sampling_rate",
    "leads",
    "classes",
    "unit",
    "axes",
    "split",
)
"""The arrays to read from a file; all others are the model's own affair.

``signals`` and ``labels`` are one value or more for each window; the others are facts.  ``unit`` is of all
leads or of each; ``axes`` names the axes of ``signals``; ``split`` is the note of ``ecgbench split``.
"""

MAX_BYTES = 4 * 2**30
"""Of the numbers in a file of windows, and of the file."""

MAX_COLUMNS = 100_000
"""Of a table: a million columns fill the memory, however short they are."""


class Found(NamedTuple):
    """The content of a file.

    Attributes:
        arrays: by the names of `ARRAYS`; also ``windows``, the names of the windows, if they have names.
        notes: remarks on the reading, one sentence each.
    """

    arrays: dict[str, NDArray[Any]]
    notes: list[str]


class Facts(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """``NAME.windows.json``: the facts of windows for formats without a place for them.

    Attributes:
        sampling_rate: Hz.
        unit: of the samples.
        leads: names, in order.
        classes: names, in the order of the labels.
        axes: of the signals, in order.
    """

    sampling_rate: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    axes: tuple[str, ...] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the given facts as arrays of a file."""
        given = msgspec.structs.asdict(self)
        return {name: np.array(value) for name, value in given.items() if value is not None}


def facts_of(arrays: Mapping[str, NDArray[Any]]) -> Facts:
    """Return the facts among arrays that are written."""
    return Facts(
        sampling_rate=float(arrays["sampling_rate"]),
        unit="mV",
        leads=texts(arrays["leads"]),
        classes=texts(arrays["classes"]),
    )


def class_names(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the name of the class of each window."""
    names = texts(arrays["classes"])
    return [names[label] for label in arrays["labels"]]


def texts(array: NDArray[Any]) -> tuple[str, ...]:
    """Return the content of an array as text, in one dimension."""
    flat = array.ravel().tolist()
    return tuple(
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in flat
    )


def content(file: Path, most: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        UsageError: it cannot be read, or is too large.
    """
    check_size(file, most)
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None


def check_size(file: Path, most: int = MAX_BYTES) -> None:
    """Check that a file is one, and not too large.

    Raises:
        UsageError: it is neither.
    """
    try:
        size = file.stat().st_size
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    if not file.is_file():
        raise UsageError(f"{file} is no file")
    if size > most:
        raise UsageError(
            f"{file} has {size / 2**30:.1f} GiB; at most {most / 2**30:g} GiB of this format are read"
        )


def npy_array(file: Path) -> NDArray[Any]:
    """Return the array of an ``.npy``.

    Raises:
        UsageError: it is none, or holds Python objects.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of an odd but readable header
            return parse_npy(content(file), file.name)
    except UNREADABLE as error:
        raise UsageError(f"{file} is no .npy of a plain array ({error})") from None
