from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ecgbench.contracts.windows import EcgWindows


@pytest.fixture
def windows() -> EcgWindows:
    return EcgWindows(
        signals=np.arange(24, dtype=np.float32).reshape(4, 2, 3),
        labels=np.array([0, 1, 1, 0]),
        patients=np.array([100, 100, 101, 103]),
        sampling_rate=125.0,
        leads=("II", "V1"),
        classes=("N", "V"),
        records=np.array(["100", "100", "101", "103"]),
        positions=np.array([1.0, 2.0, 1.5, 0.5]),
        attributes={100: {"sex": "F"}},
        indices=np.arange(4),
    )


def test_proper_windows_have_no_problem(windows: EcgWindows) -> None:
    assert windows.problem() is None
    assert windows.take(slice(0)).problem() is None
    assert len(windows) == 4
    assert windows.length == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signals": [[1.0]]}, "signals are a list; a numpy array is wanted"),
        ({"signals": np.zeros((4, 3), np.float32)}, "signals have shape (4, 3); (window, lead"),
        ({"signals": np.zeros((4, 2, 3))}, "signals are float64; float32 millivolts are wanted"),
        ({"signals": np.zeros((4, 1, 3), np.float32)}, "signals have 1 leads, but 2 are named"),
        ({"labels": [0, 1, 1, 0]}, "labels are a list; a numpy array is wanted"),
        ({"labels": np.zeros(3, np.int64)}, "labels have shape (3,); (4,) is wanted"),
        ({"labels": np.zeros(4, np.int32)}, "labels are int32; int64 is wanted"),
        ({"labels": np.array([0, 1, 2, 0])}, "labels run from 0 to 2, but there are 2 classes: N"),
        ({"labels": np.array([0, -1, 1, 0])}, "labels run from -1 to 1"),
        ({"patients": None}, "patients are a NoneType; a numpy array is wanted"),
        ({"patients": np.zeros((4, 1), np.int64)}, "patients have shape (4, 1); (4,) is wanted"),
        ({"patients": np.zeros(4)}, "patients are float64; int64 is wanted"),
        ({"records": np.array(["100"])}, "records have shape (1,); (4,) is wanted"),
        ({"records": np.array([None] * 4)}, "records are object; str_ is wanted"),
        ({"positions": np.zeros(4, np.float32)}, "positions are float32; float64 is wanted"),
        ({"positions": [1.0, 2.0, 3.0, 4.0]}, "positions are a list; a numpy array is wanted"),
        ({"indices": np.zeros(4)}, "indices are float64; int64 is wanted"),
    ],
)
def test_what_is_wrong_is_said(windows: EcgWindows, changes: dict[str, Any], said: str) -> None:
    problem = dataclasses.replace(windows, **changes).problem()
    assert problem is not None
    assert problem.startswith(said)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_counted_and_the_first_is_named(
    windows: EcgWindows, value: float
) -> None:
    signals = windows.signals.copy()
    signals[2, 1, 0] = signals[3, 0, 0] = value
    assert dataclasses.replace(windows, signals=signals).problem() == (
        "2 of 4 windows hold NaN or infinite samples, first window 2"
    )


@pytest.mark.parametrize(
    "which", [np.array([3, 0]), np.array([True, False, False, True]), slice(1, 3)]
)
def test_taking_windows_takes_all_that_is_known_of_them(windows: EcgWindows, which: Any) -> None:
    taken = windows.take(which)
    for name in ("signals", "labels", "patients", "records", "positions", "indices"):
        assert np.array_equal(getattr(taken, name), getattr(windows, name)[which])
    assert taken.attributes == windows.attributes
    assert taken.classes == windows.classes


def test_synthetic_windows_have_the_real_ones_form_and_nobodys_number(windows: EcgWindows) -> None:
    made = windows.synthetic(np.ones((2, 2, 3)), np.array([1, 0]))
    assert made.problem() is None
    assert made.signals.dtype == np.float32
    assert made.signals.flags.c_contiguous
    assert made.patients.tolist() == [-1, -1]
    assert (made.sampling_rate, made.leads, made.classes) == (125.0, ("II", "V1"), ("N", "V"))
    for name in ("records", "positions", "attributes", "indices"):
        assert getattr(made, name) is None
