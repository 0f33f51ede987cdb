"""Arrays of numpy: ``NAME.npy``, or ``NAME.npz`` with an array ``signals``; no pickle is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings import marks as marks_of
from ecgbench.recordings.csv import factor
from ecgbench.recordings.recording import Recording, naming

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.recordings.description import Records


def read(folder: Path, name: str, told: Records, *, marks: str | None = None) -> Recording:
    """Read an array of shape (lead, sample) or (sample, lead); the leads are ``rows`` of the dataset file.

    Args:
        folder: of the recordings.
        name: of the recording, without suffix.
        told: its rate, unit and leads.
        marks: suffix of the table of marks beside it; None to read none.

    Raises:
        DataError: the file is missing or holds another array; the message names the recording.
    """
    file = folder / f"{name}.npy"
    with naming(name):
        if file.is_file():
            array = np.load(file, allow_pickle=False)
        else:
            with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
                if "signals" not in arrays:
                    raise DataError(
                        f"record {name}: its file has the arrays {', '.join(arrays)}; signals is wanted"
                    )
                array = arrays["signals"]
    leads = len(told.rows)
    if array.ndim == 1 and leads == 1:
        array = array[np.newaxis]
    if array.ndim != 2 or leads not in array.shape or array.dtype.kind not in "iuf":
        raise DataError(
            f"record {name}: an array of {array.dtype} and shape {array.shape}; numbers of {leads} leads "
            "(records.rows) are wanted"
        )
    signals = array if array.shape[0] == leads else array.T
    return Recording(
        name=name,
        signals=np.ascontiguousarray(signals, dtype=np.float64) / factor(told, name),
        leads=told.rows,
        sampling_rate=float(told.rate or 0),
        annotations=None if marks is None else marks_of.read(folder, name, marks),
    )
