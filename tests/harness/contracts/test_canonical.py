"""`canonical`: equal settings have equal keys and unlike ones never do, in every process."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgbench.contracts.canonical import canonical, restored
from ecgbench.contracts.config import Config, as_dict, build, check
from ecgbench.results.store.records import digest_of


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Band(msgspec.Struct, frozen=True):
    low: float = 0.5
    high: float | None = 40.0


class Notch(msgspec.Struct, frozen=True, tag=True):
    at: int = 50


class Peak(msgspec.Struct, frozen=True, tag=True):
    at: int = 50


class Comb(msgspec.Struct, frozen=True, tag=True, array_like=True):
    at: int = 50


class Sieve(msgspec.Struct, frozen=True, tag="sieve", array_like=True):
    at: int = 50


class Renamed(msgspec.Struct, frozen=True, rename="camel"):
    cut_off: float = 1.0


@dataclass(frozen=True)
class Window:
    length: int = 200


class Tree(msgspec.Struct, frozen=True):
    leaves: tuple[Tree, ...] = ()
    size: float = 1.0


floats = st.floats()
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["inf", "nan", "none", "true", "1", "1.0", "$float", "$pairs", "a,b"]
)
integers = st.integers() | st.integers(-2, 2)
json_values = st.recursive(
    st.none() | st.booleans() | integers | floats | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
trees = st.recursive(
    st.builds(Tree, size=floats),
    lambda inner: st.builds(Tree, leaves=st.lists(inner, max_size=2).map(tuple), size=floats),
    max_leaves=3,
)
offsets = st.integers(-23, 23).map(lambda hours: dt.timezone(dt.timedelta(hours=hours)))
moments = st.datetimes(
    dt.datetime(2000, 1, 1),  # noqa: DTZ001 - the zone is drawn beside it
    dt.datetime(2000, 1, 2),  # noqa: DTZ001
    timezones=offsets,
).map(lambda moment: moment.replace(minute=0, second=0, microsecond=0))
TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (float, floats),
    (float | None, floats | st.none()),
    (float | str, floats | text),
    (int | float, integers | floats),
    (int | str | None, integers | text | st.none()),
    (bool, st.booleans()),
    (int | Literal["auto"], integers | st.just("auto")),
    (bytes, st.binary(max_size=3)),
    (Mode, st.sampled_from(Mode)),
    (Level, st.sampled_from(Level)),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes()),
    (dt.datetime, moments),
    (dt.timedelta, st.timedeltas(dt.timedelta(-99), dt.timedelta(99))),
    (Decimal, st.decimals(allow_nan=False)),
    (UUID, st.uuids()),
    (Path, text.filter(lambda t: "\0" not in t).map(Path)),
    (Path | None, st.none() | st.just(Path("none"))),
    (tuple[float, ...], st.lists(floats, max_size=3).map(tuple)),
    (list[list[int]], st.lists(st.lists(integers, max_size=2), max_size=2)),
    (frozenset[str], st.frozensets(text, max_size=4)),
    (frozenset[float], st.frozensets(floats, max_size=3)),
    (frozenset[tuple[int, str]], st.frozensets(st.tuples(integers, text), max_size=3)),
    (frozenset[frozenset[int]], st.frozensets(st.frozensets(integers, max_size=2), max_size=2)),
    (dict[str, float], st.dictionaries(text, floats, max_size=3)),
    (dict[int, float], st.dictionaries(integers, floats, max_size=3)),
    (dict[int | str, str], st.dictionaries(integers | text, text, max_size=3)),
    (dict[float, int], st.dictionaries(floats, integers, max_size=2)),
    (dict[Mode, Band], st.dictionaries(st.sampled_from(Mode), st.builds(Band, floats), max_size=2)),
    (dict[tuple[int, int], int], st.dictionaries(st.tuples(integers, integers), integers)),
    (Band, st.builds(Band, floats, floats | st.none())),
    (Renamed, st.builds(Renamed, floats)),
    (Notch | Peak, st.builds(Notch, integers) | st.builds(Peak, integers)),
    (Comb | Sieve, st.builds(Comb, integers) | st.builds(Sieve, integers)),
    (Window, st.builds(Window, integers)),
    (Tree, trees),
    (Any, json_values),
    (dict[str, Any], st.dictionaries(text, json_values, max_size=2)),
]


def config_of(hint: Any) -> type[Config]:
    made: Any = msgspec.defstruct("Made", [("x", hint)], bases=(Config,), frozen=True)
    return cast("type[Config]", made)


CONFIGS = [(config_of(hint), values) for hint, values in TYPES]
pairs = st.sampled_from(CONFIGS).flatmap(lambda each: st.tuples(st.just(each[0]), each[1], each[1]))


def same(one: Any, other: Any) -> bool:
    """Python's equality, but NaN is NaN, and what is of unlike types is unlike."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same_pairs(list(one.items()), list(other.items()))
    if isinstance(one, frozenset):
        return same_pairs([(each, 0) for each in one], [(each, 0) for each in other])
    if isinstance(one, msgspec.Struct):
        return same(msgspec.structs.astuple(one), msgspec.structs.astuple(other))
    return bool(one == other)


def same_pairs(ones: list[Any], others: list[Any]) -> bool:
    left = list(others)
    for one in ones:
        found = next((other for other in left if same(one, other)), None)
        if found is None:
            return False
        left.remove(found) if found in left else left.pop(
            next(i for i, other in enumerate(left) if same(one, other))
        )
    return not left


@settings(deadline=None)
@given(pairs)
def test_equal_settings_have_equal_keys_and_unlike_settings_unlike_keys(
    drawn: tuple[type[Config], Any, Any],
) -> None:
    config, one, other = drawn
    keys = [digest_of(as_dict(cast("Any", config)(x=value))) for value in (one, other)]
    assert (keys[0] == keys[1]) == same(one, other)


@settings(deadline=None)
@given(pairs)
def test_what_a_record_holds_makes_the_same_settings_again(
    drawn: tuple[type[Config], Any, Any],
) -> None:
    config, value, _ = drawn
    stored = as_dict(build(config, {"x": value}, where="metric m"))
    read = json.loads(msgspec.json.encode(stored, order="deterministic"))
    assert read == stored
    again = build(config, read, where="metric m")
    assert same(getattr(again, "x"), value)  # noqa: B009 - the struct is made in the test
    assert as_dict(again) == stored


@pytest.mark.parametrize("config", [config for config, _ in CONFIGS])
def test_every_type_that_is_kept_passes_the_check(config: type[Config]) -> None:
    check(config, where="metric m")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (math.inf, {"$float": "inf"}),
        (-math.inf, {"$float": "-inf"}),
        (math.nan, {"$float": "nan"}),
        (-0.0, 0.0),
        (None, None),
        ({"a": 1.0}, {"a": 1.0}),
        ({0: 1.0}, {"$pairs": [[0, 1.0]]}),
        ({2: "b", "1": "a"}, {"$pairs": [["1", "a"], [2, "b"]]}),
        ({"$float": "inf"}, {"$pairs": [["$float", "inf"]]}),
        (frozenset({"b", "a"}), ["a", "b"]),
        (Decimal("0.10"), "0.1"),
        (Decimal("1e-9"), "0.000000001"),
        (Decimal("1e99"), "1E+99"),
        (Decimal("-0.00"), "0"),
        (10**25, 10**25),
        (Path("a") / "b", "a/b"),
        (b"ab", "YWI="),
    ],
)
def test_the_form_is_plain_wherever_json_has_a_word(value: Any, plain: Any) -> None:
    assert repr(canonical(value)) == repr(plain)


def test_names_are_sorted_so_a_plugin_sees_them_in_one_order() -> None:
    one, other = canonical({"b": 1, "a": 2}), canonical({"a": 2, "b": 1})
    assert list(one) == list(other) == ["a", "b"]


@pytest.mark.parametrize(
    "plain",
    [
        {"$float": "1.5"},
        {"$float": None},
        {"$pairs": 3},
        {"$pairs": [[1]]},
        {"$pairs": [[{"a": 1}, 2]]},
        {"$other": 1},
    ],
)
def test_what_only_resembles_a_form_is_left_as_it_is(plain: Any) -> None:
    assert restored(plain) == plain


def test_a_value_without_a_form_is_told_by_its_type() -> None:
    with pytest.raises(TypeError, match=r"^complex$"):
        canonical([1, 2j])


def test_a_text_that_is_no_unicode_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        canonical("\udc80")


def test_keys_are_the_same_in_processes_with_unlike_hash_seeds() -> None:
    code = (
        "from ecgbench.contracts.canonical import canonical\n"
        "from ecgbench.results.store.records import digest_of\n"
        "leads = frozenset({'alpha', 'beta', 'gamma', 'delta', 'eps'})\n"
        "print(list(leads), digest_of(canonical({'leads': leads, 'sets': {leads, frozenset('ab')}})))"
    )
    printed = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        printed.add(tuple(done.stdout.rsplit(" ", 1)))
    orders, keys = zip(*printed, strict=True)
    assert len(set(orders)) == 2
    assert len(set(keys)) == 1


def test_one_moment_in_two_zones_has_one_form() -> None:
    noon = dt.datetime(2020, 5, 1, 12, tzinfo=dt.UTC)
    there = noon.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert canonical(noon) == canonical(there)
    assert canonical(noon) != canonical(there.replace(tzinfo=dt.UTC))
    assert canonical(dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-9))))
