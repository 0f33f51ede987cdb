"""The folders of a call: the store, and the datasets of the user."""

from __future__ import annotations

import os
from pathlib import Path

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.api.arguments import path as path_of
from ecgbench.results.store.store import Store

DEFAULT_STORE = Path("ecgbench-results")


def store_at(path: str | os.PathLike[str] | None) -> Store:
    """Return the store in a folder; without one, in ``ECGBENCH_STORE`` or `DEFAULT_STORE`."""
    given = os.environ.get("ECGBENCH_STORE") or DEFAULT_STORE if path is None else path
    return Store(path_of("store", given))


def data_folder(path: str | os.PathLike[str] | None) -> Path | None:
    """Return the user's folder of datasets; without one, ``ECGBENCH_DATA_DIR``, if that is set.

    Raises:
        UsageError: there is no such folder.
    """
    given = os.environ.get("ECGBENCH_DATA_DIR") or None if path is None else path
    if given is None:
        return None
    folder = path_of("data_dir", given)
    if not folder.is_dir():
        raise UsageError(f"data_dir {folder}: there is no such folder")
    return folder


def relative(path: Path) -> Path:
    """Return a path from the working folder, if it lies below it."""
    return path.relative_to(path.cwd()) if path.is_relative_to(path.cwd()) else path
