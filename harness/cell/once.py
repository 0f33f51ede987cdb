"""What depends on dataset and seed alone, computed once in a store and kept in ``<store>/shared/``."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from filelock import FileLock

from ecgbench.contracts.canonical import canonical
from ecgbench.contracts.comparison import Once
from ecgbench.contracts.errors import StoreError
from ecgbench.contracts.windows import PROTOCOL
from ecgbench.harness.planning.code import code_of_module
from ecgbench.results.store.npz import npz, read_npz
from ecgbench.results.store.records import digest_of
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ecgbench.contracts.comparison import Arrays
    from ecgbench.results.store.records import CellId
    from ecgbench.results.store.store import Store


class OnceInStore(Once):
    """Keeps the results of one dataset and seed.

    Args:
        store: to keep them in.
        cell: of that dataset and seed.
    """

    def __init__(self, store: Store, cell: CellId) -> None:
        super().__init__()
        self.what = [cell.dataset.key, cell.seed, PROTOCOL]
        self.folder = store.path / "shared" / cell.dataset.name / f"seed-{cell.seed}"

    def get(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        """Return what was computed under this name and these settings, computing it if need be."""
        return super().get(name, settings, lambda: self._stored(name, settings, compute))

    def _stored(self, name: str, settings: object, compute: Callable[[], Arrays]) -> Arrays:
        # the code counts, whatever the version says of it: an edited metric must not go on with the old
        what = [self.what, name, canonical(settings), code_of_module(_module(compute))]
        file = self.folder / f"{name}-{digest_of(what)}.npz"
        with contextlib.suppress(StoreError):
            return read_npz(file)
        with _one_at_a_time(file.with_suffix(".lock")):
            with contextlib.suppress(StoreError):
                return read_npz(file)  # another cell was quicker
            write(file, npz(compute()))  # it was not there, or damaged
        return read_npz(file)


def _module(compute: Callable[[], Arrays]) -> str:
    """The module in which a function stands, be some of its arguments given already."""
    while isinstance(compute, partial):
        compute = compute.func
    return compute.__module__


@contextlib.contextmanager
def _one_at_a_time(file: Path) -> Iterator[None]:
    """Let cells of this machine wait for each other; elsewhere the same is computed twice at worst."""
    lock = FileLock(file)
    with contextlib.suppress(OSError, NotImplementedError):  # a file system without locks
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
