"""Takes windows of a dataset that may be larger than the memory."""

from __future__ import annotations

import dataclasses
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.environment import cache_dir

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

LARGE = 2**28
"""Bytes of signals; more go to a file in the cache, and are mapped from there."""

BLOCK = 2**24
"""Bytes copied at a time."""


def take(windows: EcgWindows, which: NDArray[Any]) -> EcgWindows:
    """Return the windows at ``which`` (indices or a mask), as `EcgWindows.take`.

    Signals of more than `LARGE` bytes are mapped, read-only, from a file without a name.  It is gone
    when nobody holds the windows any more, also after a crash.

    Raises:
        DataError: the file cannot be written.
    """
    rows = np.flatnonzero(which) if which.dtype == np.bool_ else which
    each = windows.signals[0].nbytes if len(windows) else 0
    if len(rows) * each <= LARGE:
        return windows.take(rows)
    few = dataclasses.replace(windows, signals=windows.signals[:, :0, :0])
    return dataclasses.replace(few.take(rows), signals=_mapped(windows.signals, rows))


def _mapped(signals: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    shape = (len(rows), *signals.shape[1:])
    at_once = max(1, BLOCK // signals[0].nbytes)
    try:
        folder = cache_dir() / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for start in range(0, len(rows), at_once):
                file.write(np.ascontiguousarray(signals[rows[start : start + at_once]]).data)
            file.flush()
            return np.memmap(file, dtype=np.float32, mode="r", shape=shape)
    except OSError as error:
        raise DataError(
            f"cannot write windows to the cache: {error.strerror}; ECGBENCH_CACHE_DIR names another"
        ) from error
