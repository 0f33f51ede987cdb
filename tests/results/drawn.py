"""Values of any type that a record may have, for hypothesis."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

NUMBERS = st.one_of(
    st.sampled_from(
        [1.7e308, -1.7e308, 1e308, 1e-308, 1e150, -1e150, 1e99, 0.0, -0.0, 1e-300, 0.5]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
)
INTEGERS = st.one_of(
    st.sampled_from([2**63 + 5, 2**63 - 1, -(2**63), 2**64, 10**40, 0, -1, 2**53]), st.integers()
)
TEXTS = st.one_of(
    st.sampled_from(
        ["\x1b[31m", "\\end{table}", "=1+1", "| a |", "\u202e", "null", "a" * 5000, ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | INTEGERS | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def of_type(kind: Any) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0912 - one case a type
    """Values that msgspec takes for a type, as `msgspec.inspect` tells it."""
    match kind:
        case inspect.IntType(ge=ge, le=le):
            if ge is None and le is None:
                return INTEGERS
            return st.integers(ge, le) | st.sampled_from([x for x in (ge, le) if x is not None])
        case inspect.FloatType():
            return NUMBERS
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.StrType(pattern=None):
            return TEXTS
        case inspect.StrType(pattern=pattern):
            return st.from_regex(str(pattern).replace(r"\Z", "$"), fullmatch=True).filter(
                re.compile(str(pattern)).search
            )
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.ListType(item_type=item):
            return st.lists(of_type(item), max_size=4)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(of_type, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(of_type(key), of_type(value), max_size=3)
        case inspect.UnionType(types=types):
            return st.one_of(*map(of_type, types))
        case inspect.StructType(cls=cls, fields=fields):
            told = {field.name: of_type(field.type) for field in fields if field.name != "schema"}
            return st.builds(cls, **told)
        case inspect.AnyType():
            return ANYTHING
    raise AssertionError(kind)


def changed(record: Any, keep: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """The record with one to three of its members drawn anew."""
    known = inspect.type_info(type(record))
    assert isinstance(known, inspect.StructType)
    drawn = {
        field.name: of_type(field.type)
        for field in known.fields
        if field.name not in ("schema", *keep)
    }
    some = st.lists(st.sampled_from(sorted(drawn)), min_size=1, max_size=3, unique=True)
    return some.flatmap(
        lambda names: st.builds(
            lambda **new: msgspec.structs.replace(record, **new), **{n: drawn[n] for n in names}
        )
    )
