from __future__ import annotations

import dataclasses
import logging
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ecgbench.contracts.errors import DataError
from ecgbench.harness.data.returned import as_windows
from ecgbench.large import Growing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench import EcgWindows


@pytest.fixture
def windows(make_windows: Callable[..., EcgWindows]) -> EcgWindows:
    return make_windows([3, 3, 7], [0, 1, 0], classes=("N", "V"))


KEPT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "rate as a numpy float": ({"sampling_rate": np.float64(4)}, {"sampling_rate": 4.0}),
    "rate as a numpy integer": ({"sampling_rate": np.int64(4)}, {"sampling_rate": 4.0}),
    "rate as an integer": ({"sampling_rate": 4}, {"sampling_rate": 4.0}),
    "leads in a list": ({"leads": ["II"]}, {"leads": ("II",)}),
    "classes in an array": ({"classes": np.array(["N", "V"])}, {"classes": ("N", "V")}),
    "NaN": (
        {"attributes": {3: {"age": float("nan"), "sex": "F"}}},
        {"attributes": {3: {"sex": "F"}}},
    ),
    "None": ({"attributes": {3: {"age": None, "sex": "F"}}}, {"attributes": {3: {"sex": "F"}}}),
    "pandas' NA": (
        {"attributes": {3: {"age": pd.NA}, 7: {"age": pd.NaT}}},
        {"attributes": {3: {}, 7: {}}},
    ),
    "numpy's scalars": (
        {
            "attributes": {
                np.int64(3): {"sex": np.str_("F"), "age": np.float32(50), "paced": np.True_}
            }
        },
        {"attributes": {3: {"sex": "F", "age": 50.0, "paced": 1.0}}},
    ),
    "a data frame": (
        {
            "attributes": pd.DataFrame({"sex": ["F", None], "age": [50, 60]}, [3, 7]).to_dict(
                "index"
            )
        },
        {"attributes": {3: {"sex": "F", "age": 50.0}, 7: {"age": 60.0}}},
    ),
    "records as objects": (
        {"records": np.array(["a", "b", "cé"], dtype=object)},
        {"records": np.array(["a", "b", "cé"])},
    ),
    "records as bytes": (
        {"records": np.array(["a", "b", "cé".encode()], dtype="S")},
        {"records": np.array(["a", "b", "cé"])},
    ),
    "big-endian labels": (
        {"labels": np.array([0, 1, 0], dtype=">i8")},
        {"labels": np.array([0, 1, 0])},
    ),
}


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1000, "millivolts are wanted.*are these µV or digital samples"), (1e-4, "are these volts")],
)
def test_another_unit_is_refused(windows: EcgWindows, factor: float, said: str) -> None:
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 0.3, windows.signals.shape).astype(np.float32)
    as_windows(dataclasses.replace(windows, signals=signals), "cohort")
    odd = dataclasses.replace(windows, signals=signals * np.float32(factor))
    with pytest.raises(DataError, match=f"dataset cohort: .*{said}"):
        as_windows(odd, "cohort")


@pytest.mark.parametrize("how", KEPT)
def test_what_is_meant_is_kept(windows: EcgWindows, how: str) -> None:
    given, wanted = KEPT[how]
    found = as_windows(dataclasses.replace(windows, **given), "odd")
    for name, value in wanted.items():
        kept = getattr(found, name)
        if isinstance(value, np.ndarray):
            assert kept.dtype == value.dtype
            assert kept.tolist() == value.tolist()
        else:
            assert kept == value
            assert type(kept) is type(value)
    people = (found.attributes or {}).values()
    assert {type(v) for told in people for v in told.values()} <= {str, float}
    assert found.indices is not None
    assert found.indices.tolist() == [0, 1, 2]


def test_big_endian_signals_become_ours(windows: EcgWindows) -> None:
    found = as_windows(dataclasses.replace(windows, signals=windows.signals.astype(">f4")), "odd")
    assert found.signals.dtype.isnative
    assert np.array_equal(found.signals, windows.signals)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no rate": ({"sampling_rate": 0.0}, "sampling_rate is 0.0; a positive number of Hz is wanted"),
    "NaN rate": ({"sampling_rate": float("nan")}, "sampling_rate is nan"),
    "rate in words": ({"sampling_rate": "4"}, "sampling_rate is '4'"),
    "two rates": ({"sampling_rate": [4, 4]}, r"sampling_rate is \[4, 4\]"),
    "leads in one word": ({"leads": "II"}, "leads are 'II'; a tuple of names is wanted"),
    "no leads": ({"leads": ()}, r"leads are \(\); a tuple of names is wanted"),
    "numbers of leads": ({"leads": (1,)}, r"leads are \(1,\); a tuple of names is wanted"),
    "one class twice": ({"classes": ("N", "N")}, "classes name 'N' twice"),
    "no text": ({"classes": ("N", "\ud800")}, "is no text that can be stored"),
    "records as numbers": ({"records": np.arange(3)}, "records are int64; str_ is wanted"),
    "records as objects": (
        {"records": np.array([1, 2, 3], dtype=object)},
        "records are object; str_ is wanted",
    ),
    "records in another coding": (
        {"records": np.array([b"\xff", b"a", b"b"])},
        r"records are \|S1 and no UTF-8",
    ),
    "a list of people": ({"attributes": [{"age": 3}]}, "attributes are a list; {patient: {what"),
    "people by name": ({"attributes": {"3": {}}}, "attributes are of '3'; the number of a patient"),
    "a person's list": ({"attributes": {3: ["F"]}}, "attributes of patient 3 are a list"),
    "a numbered attribute": (
        {"attributes": {3: {0: "F"}}},
        "patient 3 tell of 0; a name is wanted",
    ),
    "infinite age": (
        {"attributes": {3: {"age": float("inf")}}},
        "attributes: age of patient 3 is inf; text or a number is wanted",
    ),
    "a date": (
        {"attributes": {3: {"born": np.datetime64("1950-01-01")}}},
        "attributes: born of patient 3 is .*1950-01-01.*; text or a number is wanted",
    ),
    "minus one": ({"patients": np.array([0, -1, 0])}, "patients run from -1; numbers from 0"),
    "masked": (
        {"labels": np.ma.masked_equal(np.array([0, 1, 0]), 1)},
        "labels are masked in 1 places",
    ),
    "double": ({"signals": np.zeros((3, 1, 4))}, "signals are float64; float32 millivolts are"),
    "whole positions": ({"positions": np.arange(3)}, "positions are int64; float64 is wanted"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_meant_is_one_line(windows: EcgWindows, how: str) -> None:
    given, said = REFUSED[how]
    with pytest.raises(DataError, match=said) as told:
        as_windows(dataclasses.replace(windows, **given), "odd")
    assert str(told.value).startswith("dataset odd: ")
    assert "\n" not in str(told.value)


def test_no_windows_at_all_are_refused(windows: EcgWindows) -> None:
    with pytest.raises(DataError, match="dataset odd: there are no windows: signals have shape"):
        as_windows(windows.take(slice(0)), "odd")


def test_what_is_no_windows_is_refused() -> None:
    with pytest.raises(DataError, match="dataset odd returned dict; EcgWindows are wanted"):
        as_windows({}, "odd")


@pytest.mark.parametrize(
    ("known", "said"), [((3,), ["odd: attributes are known of 1 of 2 people"]), ((3, 7, 9), [])]
)
def test_whose_attributes_are_not_known_is_said_once(
    windows: EcgWindows, known: tuple[int, ...], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    found = as_windows(
        dataclasses.replace(windows, attributes={p: {"age": 4} for p in known}), "odd"
    )
    assert found.attributes == {p: {"age": 4.0} for p in known}
    assert caplog.messages == said


def people_with(make_windows: Callable[..., EcgWindows], signals: Any) -> EcgWindows:
    made = make_windows([3, 3, 7, 9], [0, 1, 0, 0], classes=("N", "V"))
    return dataclasses.replace(made, signals=np.asarray(signals, dtype=np.float32))


def test_two_people_with_the_same_windows_are_named(
    make_windows: Callable[..., EcgWindows], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    signals = np.random.default_rng(0).normal(size=(4, 1, 4))
    signals[2] = signals[0] + 4e-4  # the same but for rounding
    as_windows(people_with(make_windows, signals), "odd")
    (said,) = caplog.messages
    assert said.startswith(
        "odd: patients 3 and 7 (1 window) have the same windows; is each pair one"
    )


@pytest.mark.parametrize("how", ["one person's", "flat", "unlike"])
def test_other_windows_name_nobody(
    make_windows: Callable[..., EcgWindows], caplog: pytest.LogCaptureFixture, how: str
) -> None:
    caplog.set_level(logging.INFO)
    signals = np.random.default_rng(0).normal(size=(4, 1, 4))
    if how == "one person's":
        signals[1] = signals[0]
    elif how == "flat":
        signals[0] = signals[2] = 0.25
    as_windows(people_with(make_windows, signals), "odd")
    assert caplog.messages == []


def test_many_copies_of_one_window_are_counted_once_each(
    make_windows: Callable[..., EcgWindows], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    count = 20_000
    windows = make_windows(np.arange(count) % 8, np.zeros(count), classes=("N",))
    template = np.array([[0.0, 1.0, 2.0, 1.0]], dtype=np.float32)
    signals = np.repeat(template[None], count, axis=0)
    as_windows(dataclasses.replace(windows, signals=signals), "odd")
    assert caplog.messages[0].startswith("odd: patients 0 and 1 (2500 windows), ")
    assert "2 more pairs" in caplog.messages[0]


def test_the_width_of_an_array_of_names_is_no_fact(windows: EcgWindows) -> None:
    named = dataclasses.replace(windows, records=np.full(len(windows), "100", dtype="<U21"))
    records = as_windows(named, "mine").records
    assert records is not None
    assert records.dtype == np.dtype("<U3")


def test_windows_larger_than_the_memory_are_checked_without_a_copy(
    make_windows: Callable[..., EcgWindows], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("ecgbench.large.LARGE", 2**20)
    monkeypatch.setattr("ecgbench.large.BLOCK", 2**20)
    n = 4000
    with Growing() as signals:
        for at in range(0, n, 100):
            seen = np.random.default_rng(at).standard_normal((100, 2, 2000), dtype=np.float32)
            signals.add(seen)
        mapped = signals.together()
    windows = dataclasses.replace(
        make_windows(np.arange(n), np.zeros(n, int)), signals=mapped, leads=("I", "II")
    )
    tracemalloc.start()
    found = as_windows(windows, "x").signals
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, np.memmap)
    assert found.nbytes == 64_000_000
    assert peak < 32_000_000
