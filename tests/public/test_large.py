from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError, EcgWindows, large
from ecgbench.large import Growing, by_parts, flat, joined, parts, take

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

BLOCKS = [np.full((count, 2, 5), at, dtype=np.float32) for at, count in enumerate([3, 0, 1, 4])]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("in_memory", [None, 0, 130, 10_000])
def test_blocks_come_together_in_order(in_memory: int | None, tmp_path: Path) -> None:
    with Growing(in_memory) as growing:
        for block in BLOCKS:
            growing.add(block)
        assert len(growing) == 8
        found = growing.together()
    np.testing.assert_array_equal(found, np.concatenate(BLOCKS))
    assert isinstance(found, np.memmap) == (in_memory in (0, 130))
    assert found.flags.writeable != isinstance(found, np.memmap)
    assert not any(tmp_path.glob("scratch/*"))


def test_blocks_that_are_no_plain_arrays_are_written_right() -> None:
    block = np.arange(24, dtype=np.float32).reshape(4, 3, 2).transpose(2, 1, 0)[::-1]
    with Growing(in_memory=0) as growing:
        growing.add(block)
        found = growing.together()
    np.testing.assert_array_equal(found, block)


def test_no_windows_are_an_error() -> None:
    with Growing() as growing, pytest.raises(DataError, match="no windows"):
        growing.together()


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "scratch").touch()
    with Growing(in_memory=0) as growing, pytest.raises(DataError, match="names another"):
        growing.add(BLOCKS[0])


def test_an_error_on_the_way_leaves_no_file(tmp_path: Path) -> None:
    with suppress(KeyError), Growing(in_memory=0) as growing:
        growing.add(BLOCKS[0])
        raise KeyError
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take 400 bytes for large, and read 80 at a time: two windows of 10 samples."""
    monkeypatch.setattr(large, "LARGE", 400)
    monkeypatch.setattr(large, "BLOCK", 80)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (10, [10]), (11, [2] * 5 + [1])])
def test_windows_are_one_part_until_they_are_large(count: int, sizes: list[int]) -> None:
    slices = list(parts(count, 10))
    assert [part.stop - part.start for part in slices] == sizes
    rows = np.arange(count)
    np.testing.assert_array_equal(np.concatenate([rows[part] for part in slices]), rows)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("count", "is_mapped"), [(10, False), (11, True)])
def test_what_is_taken_or_joined_is_mapped_when_it_is_large(count: int, is_mapped: bool) -> None:
    rng = np.random.default_rng(0)
    windows = EcgWindows(
        signals=rng.standard_normal((30, 2, 5)).astype(np.float32),
        labels=rng.integers(2, size=30),
        patients=np.arange(30),
        sampling_rate=5.0,
        leads=("I", "II"),
        classes=("N", "V"),
    )
    rows = rng.permutation(30)[:count]
    taken, wanted = take(windows, rows), windows.take(rows)
    for name in ("signals", "labels", "patients"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(wanted, name))
    both = joined(windows.signals[:3], windows.signals[3:count])
    np.testing.assert_array_equal(both, windows.signals[:count])
    for signals in (taken.signals, both):
        assert isinstance(signals, np.memmap) == is_mapped
        assert signals.flags.writeable != is_mapped


@pytest.mark.usefixtures("small")
def test_a_function_of_parts_is_that_of_all() -> None:
    signals = np.random.default_rng(0).standard_normal((13, 2, 5)).astype(np.float32)
    seen: list[int] = []

    def means(part: Any) -> Any:
        seen.append(len(part))
        return part.mean(axis=2)

    np.testing.assert_array_equal(by_parts(means, signals), signals.mean(axis=2))
    assert seen == [2] * 6 + [1]


@pytest.mark.usefixtures("small")
def test_large_windows_stay_float32_and_are_not_copied() -> None:
    signals = np.ones((11, 2, 5), dtype=np.float32)
    assert flat(signals[:10]).dtype == np.float64
    assert np.shares_memory(flat(signals), signals)
