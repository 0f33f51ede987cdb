"""Windows that may be larger than the memory: they go to a file without a name, and are mapped from there."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Self

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.environment import cache_dir

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE = 2**28
"""Bytes of windows; more go to a file in the cache."""

BLOCK = 2**24
"""Bytes written at a time."""


class Growing:
    """Windows, added one block after another.

    Beyond some bytes they go to a file in the user's cache.  It has no name, so it is gone when nobody holds
    the windows any more, also after a crash::

        with Growing() as signals:
            for recording in recordings:
                signals.add(strips(recording))
            return signals.together()

    Args:
        in_memory: bytes of windows to keep in memory; `LARGE` by default.
    """

    def __init__(self, in_memory: int | None = None) -> None:
        self._in_memory = LARGE if in_memory is None else in_memory
        self._waiting: list[NDArray[np.float32]] = []
        self._each: tuple[int, ...] = ()
        self._bytes = 0
        self._count = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._count

    def add(self, windows: NDArray[np.float32]) -> None:
        """Add windows: float32, shape (window, lead, sample), as many leads and samples in each block.

        Raises:
            DataError: the file cannot be written.
        """
        self._waiting.append(windows)
        self._bytes += windows.nbytes
        self._count += len(windows)
        self._each = windows.shape[1:]
        if self._bytes > (self._in_memory if self._file is None else BLOCK):
            self._write()

    def together(self) -> NDArray[np.float32]:
        """Return all windows, float32, shape (window, lead, sample).

        They are mapped, read-only, if they are in a file.

        Raises:
            DataError: the file cannot be written, or there are no windows.
        """
        if not self._count:
            raise DataError("there are no windows")
        if self._file is None:
            return np.concatenate(self._waiting)
        self._write()
        shape = (self._count, *self._each)
        return np.memmap(self._file, dtype=np.float32, mode="r", shape=shape)

    def _write(self) -> None:
        try:
            if self._file is None:
                folder = cache_dir() / "scratch"
                folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on leaving
            for windows in self._waiting:
                self._file.write(np.ascontiguousarray(windows).data)
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"cannot write windows to the cache: {error.strerror}; ECGBENCH_CACHE_DIR names another"
            ) from error
        self._waiting, self._bytes = [], 0
