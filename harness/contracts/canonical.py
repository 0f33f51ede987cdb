"""The canonical form of a value, for records and keys.

JSON has no infinity, no NaN and no set, and its objects have text for keys.  `canonical` writes all of them
in JSON.  Equal values have equal texts in every process, and unlike values of one type never do.
`restored` reads the form back, and a `Config` knows the types of the rest.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

import msgspec

FLOAT, PAIRS = "$float", "$pairs"
"""Sole names of the objects for a float without digits, and for an object without text keys."""

NO_DIGITS = ("inf", "-inf", "nan")

MOST_ZEROS = 20
"""Most zeros of a decimal without an exponent."""

_AS_TEXT = (
    bytes,
    bytearray,
    memoryview,
    dt.date,
    dt.time,
    dt.timedelta,
    uuid.UUID,
)


def canonical(value: object) -> Any:
    """Return a value as JSON-ready values; equal values of one type give the same text.

    An infinite float or NaN is ``{"$float": "inf"}``; an object whose keys are not all text is a sorted
    list of pairs, ``{"$pairs": [[key, value], …]}``; sets are sorted lists; the names of other objects
    are sorted.  All else is as msgspec writes it.

    Raises:
        TypeError: a value in it has a type without such a form; the message is the type's name.
        ValueError: a text in it is no Unicode.
    """
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, Mapping):
        return _object({key: canonical(each) for key, each in value.items()})
    if isinstance(value, AbstractSet):
        return sorted((canonical(each) for each in value), key=_text)
    if isinstance(value, list | tuple):
        return [canonical(each) for each in value]
    if isinstance(value, msgspec.Struct) or dataclasses.is_dataclass(value):
        return canonical(_fields(value))
    return _single(value)


def _single(value: object) -> Any:
    """Return the form of a value that holds no others."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        # 0.0 and -0.0 are equal
        return float(value) + 0.0 if math.isfinite(value) else {FLOAT: str(float(value))}
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        with suppress(OverflowError):  # at the ends of the calendar
            value = value.astimezone(dt.UTC)  # equal moments in unlike zones are equal
    if isinstance(value, _AS_TEXT):
        return msgspec.to_builtins(value)
    if isinstance(value, str | PurePath):
        text = str(value)
        text.encode()
        return text
    raise TypeError(type(value).__name__)


def restored(plain: object) -> Any:
    """Return canonical values with their floats and objects in place of the forms for these.

    A mere resemblance to such a form, in a record from elsewhere, is left as it is.
    """
    if isinstance(plain, list):
        return [restored(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    if list(plain) == [FLOAT] and plain[FLOAT] in NO_DIGITS:
        return float(plain[FLOAT])
    if list(plain) == [PAIRS]:
        with suppress(TypeError, ValueError):
            return {_hashable(restored(key)): restored(each) for key, each in plain[PAIRS]}
    return {key: restored(each) for key, each in plain.items()}


def _object(mapping: dict[Any, Any]) -> dict[str, Any]:
    """Return the form of an object with canonical values."""
    is_plain = all(type(key) is str for key in mapping)
    if is_plain and not (len(mapping) == 1 and next(iter(mapping)).startswith("$")):
        return {canonical(key): mapping[key] for key in sorted(mapping)}
    return {PAIRS: sorted(([canonical(key), entry] for key, entry in mapping.items()), key=_text)}


def _fields(value: Any) -> dict[str, Any] | list[Any]:
    """Return the contents of a struct or data class, with its tag in a union."""
    if not isinstance(value, msgspec.Struct):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    contents = [getattr(value, name) for name in value.__struct_fields__]
    fields = dict(zip(value.__struct_encode_fields__, contents, strict=True))
    config = value.__struct_config__
    if config.array_like:
        return [*([] if config.tag is None else [config.tag]), *fields.values()]
    return fields if config.tag is None else {str(config.tag_field): config.tag, **fields}


def _digits(value: Decimal) -> str:
    """Return a decimal as text; 0.10 and 0.1 are equal."""
    if not value.is_finite():
        return str(value)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return "0"
    kept = max(place for place, digit in enumerate(digits, 1) if digit)
    exponent += len(digits) - kept
    shortest = Decimal((sign, digits[:kept], exponent))
    return f"{shortest:f}" if abs(exponent) <= MOST_ZEROS else str(shortest)


def _hashable(key: Any) -> Any:
    return tuple(map(_hashable, key)) if isinstance(key, list) else key


def _text(plain: object) -> bytes:
    return msgspec.json.encode(plain, order="deterministic")
