"""Windows that may be larger than the memory: mapped from a file without a name, and read in parts.

Up to `LARGE` bytes all windows are one part, and are taken and joined in memory.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.environment import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

LARGE = 2**28
"""Bytes of windows; more go to a file in the cache."""

BLOCK = 2**24
"""Bytes of windows in a part, and bytes written at a time."""

_NUMBER = 4
"""Bytes of a sample."""


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


def is_large(windows: NDArray[Any]) -> bool:
    """Return whether windows have more than `LARGE` bytes in float32, whatever they have here."""
    return windows.size * _NUMBER > LARGE


def parts(count: int, numbers: int) -> Iterator[slice]:
    """Yield the parts of windows: all at once up to `LARGE` bytes in float32, else `BLOCK` bytes at a time.

    So a sum over parts has the bytes of one over all, up to that size.

    Args:
        count: windows.
        numbers: in a window: samples of all leads.
    """
    each = max(1, numbers * _NUMBER)
    at_once = max(1, count if count * each <= LARGE else BLOCK // each)
    for start in range(0, max(count, 1), at_once):
        yield slice(start, min(start + at_once, count))


def by_parts(function: Callable[[NDArray[Any]], NDArray[Any]], windows: NDArray[Any]) -> Any:
    """Return a function of windows, computed part by part.

    Args:
        function: of some windows; returns an array with a row for each.
        windows: shape (window, …).
    """
    numbers = math.prod(windows.shape[1:])
    found = [function(windows[part]) for part in parts(len(windows), numbers)]
    return found[0] if len(found) == 1 else np.concatenate(found)


def flat(signals: NDArray[np.float32]) -> NDArray[Any]:
    """Return windows as rows, shape (window, number): in float64, or as they are beyond `LARGE` bytes."""
    rows = signals.reshape(len(signals), -1)
    return rows if is_large(signals) else rows.astype(np.float64)


def take(windows: EcgWindows, which: NDArray[Any]) -> EcgWindows:
    """Return the windows at ``which`` (indices or a mask), as `EcgWindows.take`.

    Signals of more than `LARGE` bytes are mapped, read-only, from a file without a name.

    Raises:
        DataError: the file cannot be written.
    """
    rows = np.flatnonzero(which) if which.dtype == np.bool_ else which
    each = windows.signals[0].nbytes if len(windows) else 0
    if len(rows) * each <= LARGE:
        return windows.take(rows)
    few = dataclasses.replace(windows, signals=windows.signals[:, :0, :0])
    with Growing(in_memory=0) as signals:
        for part in parts(len(rows), math.prod(windows.signals.shape[1:])):
            signals.add(windows.signals[rows[part]])
        return dataclasses.replace(few.take(rows), signals=signals.together())


def joined(*signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return windows one after another, float32, shape (window, lead, sample).

    More than `LARGE` bytes are mapped, read-only, from a file without a name.

    Raises:
        DataError: the file cannot be written, or there are no windows.
    """
    with Growing() as all_signals:
        for side in signals:
            for part in parts(len(side), math.prod(side.shape[1:])):
                all_signals.add(side[part])
        return all_signals.together()
