"""``.npz``: all arrays and facts in one file of numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.found import ARRAYS, MAX_BYTES, Found, content
from ecgbench.results.store.npz import npz, parse_npz
from ecgbench.results.store.store import write as put

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


def read(file: Path, labelled: bool) -> Found:
    """Read an ``.npz``; raises `UsageError` if it is none."""
    del labelled
    try:
        return Found(parse_npz(content(file), most=MAX_BYTES, only=ARRAYS), [])
    except ValueError as error:
        raise UsageError(
            f"{file} is no .npz of plain arrays ({error}); numpy.savez(FILE, signals=…, labels=…)"
        ) from None


def write(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write ``NAME.npz`` and return its path."""
    file = folder / f"{name}.npz"
    put(file, npz({**arrays, "unit": np.array("mV")}))
    return file
