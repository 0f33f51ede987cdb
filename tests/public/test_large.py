from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.large import Growing

if TYPE_CHECKING:
    from pathlib import Path

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
