"""Takes windows of a dataset that may be larger than the memory."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench import large
from ecgbench.large import Growing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows


def take(windows: EcgWindows, which: NDArray[Any]) -> EcgWindows:
    """Return the windows at ``which`` (indices or a mask), as `EcgWindows.take`.

    Signals of more than `ecgbench.large.LARGE` bytes are mapped, read-only, from a file without a name.

    Raises:
        DataError: the file cannot be written.
    """
    rows = np.flatnonzero(which) if which.dtype == np.bool_ else which
    each = windows.signals[0].nbytes if len(windows) else 0
    if len(rows) * each <= large.LARGE:
        return windows.take(rows)
    few = dataclasses.replace(windows, signals=windows.signals[:, :0, :0])
    at_once = max(1, large.BLOCK // each)
    with Growing(in_memory=0) as signals:
        for start in range(0, len(rows), at_once):
            signals.add(windows.signals[rows[start : start + at_once]])
        return dataclasses.replace(few.take(rows), signals=signals.together())
