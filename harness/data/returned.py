"""Turns the return value of a dataset plugin into proper windows, or into an error of one line."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.contracts.windows import DTYPES, EcgWindows
from ecgbench.harness.data.same import is_flat, same_windows
from ecgbench.harness.data.split import number
from ecgbench.large import take

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = ("NoneType", "NAType", "NaTType")
"""Types of unknown values: Python's and pandas'."""

TOO_SMALL, TOO_LARGE = 0.002, 20.0
"""Bounds of the deviation of a usual window, mV: the median over windows, of each the largest lead's."""

SOME = 1000
"""Windows, about, behind the usual deviation."""

FEW = 64
"""Windows in float64 at a time."""

MOST_PAIRS = 5
"""Pairs of people with windows in common in one message."""

logger = logging.getLogger(__name__)


class _OddError(Exception):
    """The fault, in words."""


def as_windows(found: object, name: str) -> EcgWindows:
    """Return proper windows, numbered, from the return value of a dataset plugin.

    Lists of names become tuples, numpy's scalars Python's, bytes and objects with text become text,
    and arrays have this machine's byte order.  Unknown values of a person (None, NaN) are left out.

    Args:
        found: `EcgWindows` of the plugin.
        name: of the dataset.

    Raises:
        DataError: names the dataset, the fault, and the right form.
    """
    if not isinstance(found, EcgWindows):
        raise DataError(f"dataset {name} returned {type(found).__name__}; EcgWindows are wanted")
    try:
        windows = dataclasses.replace(
            found,
            sampling_rate=_rate(found.sampling_rate),
            leads=_names("leads", found.leads),
            classes=_names("classes", found.classes),
            attributes=_attributes(found.attributes),
            **{array: _native(array, getattr(found, array)) for array in ("signals", *DTYPES)},
        )
        _check(windows)
    except _OddError as odd:
        raise DataError(f"dataset {name}: {odd}") from None
    _tell_unknown(windows, name)
    _tell_twins(windows, name)
    return number(windows)


def _check(windows: EcgWindows) -> None:
    if problem := windows.problem():
        raise _OddError(problem)
    if not windows.signals.size:
        raise _OddError(f"there are no windows: signals have shape {windows.signals.shape}")
    some = windows.signals[:: max(1, len(windows.signals) // SOME)]
    usual = float(np.median(deviations(some)))
    if not TOO_SMALL < usual < TOO_LARGE and usual > 0:
        hint = "µV or digital samples" if usual > TOO_LARGE else "volts"
        raise _OddError(
            f"the samples of a usual window deviate by {usual:.3g}; millivolts are wanted, and ECG deviates "
            f"by {TOO_SMALL:g} to {TOO_LARGE:g} mV: are these {hint}?"
        )
    if windows.patients.min() < 0:
        raise _OddError(
            f"patients run from {windows.patients.min()}; numbers from 0 are wanted, for -1 means "
            "synthetic"
        )


def _rate(given: Any) -> float:
    try:
        rate = math.nan if isinstance(given, str | bytes | bool) else float(given)
    except (TypeError, ValueError):
        rate = math.nan
    if not 0 < rate < math.inf:
        raise _OddError(f"sampling_rate is {given!r}; a positive number of Hz is wanted")
    return rate


def _names(what: str, given: Any) -> tuple[str, ...]:
    names = () if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if not names or not all(isinstance(name, str) for name in names):
        raise _OddError(f"{what} are {given!r}; a tuple of names is wanted")
    for name in names:
        if names.count(name) > 1:
            raise _OddError(f"{what} name {str(name)!r} twice")
    return tuple(_text(what, name) for name in names)


def _text(what: str, given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise _OddError(f"{what}: {given!r} is no text that can be stored") from None
    return str(given)


def _native(name: str, array: Any) -> Any:
    """Return an array in this machine's byte order, records as text; leave other values alone."""
    if not isinstance(array, np.ndarray):
        return array
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise _OddError(f"{name} are masked in {int(np.ma.getmaskarray(array).sum())} places")
        array = array.data
    if name == "records":
        array = _record_names(array)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _record_names(records: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if records.dtype.kind == "S":
        try:
            return np.char.decode(records, "utf-8")
        except UnicodeDecodeError as error:
            raise _OddError(
                f"records are {records.dtype} and no UTF-8: {error}; str_ is wanted"
            ) from None
    if records.dtype.kind == "U" and records.size:
        # the width of the array is no fact, and the digest counts it
        return records.astype(f"<U{max(1, int(np.char.str_len(records).max()))}")
    holds_text = records.dtype.kind == "O" and all(isinstance(r, str) for r in records.flat)
    return records.astype(np.str_) if holds_text or records.dtype.kind == "T" else records


def _attributes(given: Any) -> dict[int, dict[str, str | float]] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise _OddError(
            f"attributes are a {type(given).__name__}; {{patient: {{what: value}}}} is wanted"
        )
    people: dict[int, dict[str, str | float]] = {}
    for patient, told in given.items():
        if not isinstance(patient, Integral):
            raise _OddError(f"attributes are of {patient!r}; the number of a patient is wanted")
        if not isinstance(told, Mapping):
            raise _OddError(
                f"attributes of patient {patient} are a {type(told).__name__}; {{what: value}} is wanted"
            )
        values = {what: _value(patient, what, value) for what, value in told.items()}
        people[int(patient)] = {
            _text("attributes", what): v for what, v in values.items() if v is not None
        }
    return people


def _value(patient: Integral, what: Any, given: Any) -> str | float | None:
    """Return an attribute's value; None if it is unknown."""
    if not isinstance(what, str):
        raise _OddError(f"attributes of patient {patient} tell of {what!r}; a name is wanted")
    value = given
    if isinstance(given, np.bool_) or (isinstance(given, np.ndarray) and given.ndim == 0):
        value = given.item()
    if type(value).__name__ in UNKNOWN:
        return None
    if isinstance(value, str):
        return _text(f"attributes of patient {patient}", value)
    if isinstance(value, Real):
        found = float(value)
        if math.isnan(found):
            return None
        if math.isfinite(found):
            return found
    raise _OddError(
        f"attributes: {what} of patient {patient} is {given!r}; text or a number is wanted"
    )


def _tell_unknown(windows: EcgWindows, name: str) -> None:
    if windows.attributes is None:
        return
    people = set(windows.patients.tolist())
    known = people & windows.attributes.keys()
    if known < people:
        logger.info("%s: attributes are known of %d of %d people", name, len(known), len(people))


def _tell_twins(windows: EcgWindows, name: str) -> None:
    """Name people with windows in common: one person under two numbers is on both sides of a split."""
    pairs = Counter(twins(windows))
    shown = [
        f"{a} and {b} ({count} window{'s' if count > 1 else ''})"
        for (a, b), count in pairs.most_common(MOST_PAIRS)
    ]
    if len(pairs) > MOST_PAIRS:
        shown.append(f"{len(pairs) - MOST_PAIRS} more pairs")
    if shown:
        logger.info(
            "%s: patients %s have the same windows; is each pair one person, who would be on both sides "
            "of a split?",
            name,
            ", ".join(shown),
        )


def deviations(signals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the deviation of each window, mV: that of its largest lead.

    A few windows are looked at at a time, for all may be larger than the memory.
    """
    blocks = [signals[at : at + FEW] for at in range(0, len(signals), FEW)]
    return np.concatenate([block.std(axis=2, dtype=np.float64).max(axis=1) for block in blocks])


def twins(windows: EcgWindows) -> list[tuple[int, int]]:
    """Return both people for each window equal to an earlier one of another person, within rounding.

    Flat windows are nobody's.
    """
    rows = np.flatnonzero(~is_flat(windows.signals))
    first: dict[bytes, int] = {}
    same = {
        int(row): first.setdefault(sha256(windows.signals[row].tobytes()).digest(), int(row))
        for row in rows
    }
    # of unlike ones alone, for many copies of one window would all be compared with each other
    unlike = np.array(list(first.values()), dtype=np.int64)
    signals = take(windows, unlike).signals
    near = same_windows(signals, signals)
    of = dict(zip(unlike.tolist(), unlike[near].tolist(), strict=True))
    people = windows.patients.tolist()
    pairs = [(people[of[before]], people[row]) for row, before in same.items()]
    return [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
