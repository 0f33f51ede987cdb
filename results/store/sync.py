"""Waits until files are on the disk: many at once, where the system has a call for it."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

THREADS = 16
"""Files synced at a time, for a disk writes many in hardly more time than one."""


def sync_below(folder: Path) -> None:
    """Wait until all files and folders below a folder, and the folder, are on the disk.

    Linux has one call for a whole file system: for many small files it takes
    less than half the processor time of a call for each (docs/speed.md).

    Raises:
        OSError: the disk failed, or is full.
    """
    syncfs = _syncfs()
    if syncfs is None:
        paths = [Path(where) / name for where, _, names in os.walk(folder) for name in (*names, "")]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(sync, paths))
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(number):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    finally:
        os.close(number)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _syncfs() -> ctypes._NamedFuncPointer | None:
    """Return the system's call; None where there is none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
