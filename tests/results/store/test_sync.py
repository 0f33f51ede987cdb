from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import pytest

from ecgbench.results.store import sync as syncing
from ecgbench.results.store.sync import sync_below

if TYPE_CHECKING:
    from pathlib import Path


SYNCFS = syncing._syncfs
"""The real one, for the tests of results do without."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    for number in range(40):
        (folder / "inner" / str(number)).write_bytes(b"x")
    return folder


def test_without_a_call_for_all_each_file_and_folder_is_synced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(syncing, "_syncfs", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    sync_below(folder)
    assert {path.stat().st_ino for path in (folder, *folder.rglob("*"))} == {*synced}


def test_one_call_is_for_the_file_system_of_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def syncfs(number: int) -> int:
        synced.append(os.fstat(number).st_ino)
        return 0

    monkeypatch.setattr(syncing, "_syncfs", lambda: syncfs)
    sync_below(folder)
    assert synced == [folder.stat().st_ino]


def test_a_disk_that_fails_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def syncfs(_: int) -> int:
        ctypes.set_errno(28)
        return -1

    monkeypatch.setattr(syncing, "_syncfs", lambda: syncfs)
    with pytest.raises(OSError, match="No space left on device"):
        sync_below(folder)


def test_the_call_of_this_system_syncs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "_syncfs", SYNCFS)
    sync_below(folder)
