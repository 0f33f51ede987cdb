"""``.npy``: signals alone; labels and facts are in files beside it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.harness.formats.beside import write_facts
from ecgbench.harness.formats.found import Found, npy_array
from ecgbench.harness.formats.labels import write_labels
from ecgbench.results.store.store import write as put

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


def read(file: Path, labelled: bool) -> Found:
    """Read an ``.npy``; raises `UsageError` if it is none."""
    del labelled
    return Found({"signals": npy_array(file)}, [])


def write(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write ``NAME.npy``, ``NAME.labels.csv`` and ``NAME.windows.json``; return the path of the first."""
    file = folder / f"{name}.npy"
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(arrays["signals"]), allow_pickle=False)
    put(file, buffer.getvalue())
    write_labels(folder / f"{name}.labels.csv", arrays)
    write_facts(file, arrays)
    return file
