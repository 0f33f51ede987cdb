from __future__ import annotations

import dataclasses
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.harness.data.split import number, split
from ecgbench.harness.isolation.frozen import Frozen
from ecgbench.large import take

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make every set of windows a large one."""
    monkeypatch.setattr("ecgbench.large.LARGE", 0)
    monkeypatch.setattr("ecgbench.large.BLOCK", 100)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("mask", [False, True])
def test_large_windows_are_the_same_but_mapped(make_windows: Any, large: Path, mask: bool) -> None:
    windows = number(make_windows(np.arange(50) % 3, np.arange(50) % 2))
    rows = np.arange(3, 50, 4)
    which = np.isin(np.arange(50), rows) if mask else rows[::-1]
    found, plain = take(windows, which), windows.take(which)
    assert isinstance(found.signals, np.memmap)
    for name in ("signals", "labels", "patients", "indices"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    assert found.attributes == plain.attributes
    assert not found.signals.flags.writeable
    assert list((large / "scratch").iterdir()) == []  # nothing is left, whatever happens


def test_small_windows_stay_in_memory(make_windows: Any) -> None:
    windows = make_windows(np.zeros(30, int), np.zeros(30, int))
    assert not isinstance(take(windows, np.arange(5)).signals, np.memmap)


def test_a_split_of_large_windows_is_the_same(
    make_windows: Any, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = number(make_windows(np.arange(200) % 6, np.arange(200) % 2))
    mapped = split(windows, 3)
    monkeypatch.setattr("ecgbench.large.LARGE", 2**40)
    plain = split(windows, 3)
    for part in ("train", "control", "auxiliary", "fresh", "test"):
        assert isinstance(getattr(mapped, part).signals, np.memmap)
        np.testing.assert_array_equal(getattr(mapped, part).signals, getattr(plain, part).signals)
    Frozen(mapped.train, mapped.test).check("generator x")


def test_a_cache_that_cannot_be_written_is_told(
    make_windows: Any, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (large / "scratch").touch()
    with pytest.raises(DataError, match="ECGBENCH_CACHE_DIR names another"):
        take(make_windows(np.zeros(30, int), np.zeros(30, int)), np.arange(5))


def test_taking_holds_no_copy_in_memory(
    make_windows: Any, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del large
    monkeypatch.setattr("ecgbench.large.BLOCK", 2**18)
    windows = dataclasses.replace(
        make_windows(np.zeros(4000, int), np.zeros(4000, int)),
        signals=np.zeros((4000, 2, 500), dtype=np.float32),
    )
    tracemalloc.start()
    found = take(windows, np.arange(0, 4000, 2)).signals
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.nbytes == 8_000_000
    assert peak < 2_000_000
