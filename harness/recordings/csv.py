"""CSV: a column for each lead, with its name as head; a row for each sample."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings import marks as marks_of
from ecgbench.recordings.recording import Recording, naming, numbered, per_mv

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.recordings.description import Records

TIME = ("time", "t", "s", "ms", "sample", "index", "")
"""Heads of columns that are no leads, in lower case."""


def read(folder: Path, name: str, told: Records, *, marks: str | None = None) -> Recording:
    """Read a table of samples; an empty cell is a missing sample.

    Args:
        folder: of the recordings.
        name: of the recording; its file is ``NAME.csv``.
        told: its rate and unit.
        marks: suffix of the table of marks beside it; None to read none.

    Raises:
        DataError: a file is missing or is no such table; the message names the recording.
    """
    import pandas as pd  # noqa: PLC0415 - other formats need none

    file = folder / f"{name}.csv"
    with naming(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # otherwise pandas drops what stands behind the last head: decimals behind a comma
        warnings.simplefilter("error", pd.errors.ParserWarning)
        with file.open(encoding="utf-8-sig") as opened:
            head = opened.readline()
        parted = max(",;\t", key=head.count)
        try:
            table = pd.read_csv(file, sep=parted, encoding="utf-8-sig", index_col=False)
        except pd.errors.ParserWarning:
            raise DataError(
                f"record {name}: rows of {file} have more cells than its head; a comma in a number?"
            ) from None
        heads = [str(head).strip() for head in table.columns]
        kept = [at for at, head in enumerate(heads) if head.casefold() not in TIME]
        for at in kept:
            if not pd.api.types.is_numeric_dtype(table.dtypes.iloc[at]):
                raise DataError(
                    f"record {name}: column {heads[at]} of {file} holds text; numbers with a decimal "
                    "point are wanted"
                )
        signals = table.iloc[:, kept].to_numpy(np.float64).T
    if not kept or not signals.shape[1]:
        raise DataError(f"record {name}: {file} holds no samples of leads")
    return Recording(
        name=name,
        signals=np.ascontiguousarray(signals) / factor(told, name),
        leads=numbered([heads[at] for at in kept]),
        sampling_rate=float(told.rate or 0),
        annotations=None if marks is None else marks_of.read(folder, name, marks),
    )


def factor(told: Records, name: str) -> float:
    """Return the number of the file's units in a millivolt.

    Raises:
        DataError: it is no unit of voltage.
    """
    if told.counts_per_mv is not None:
        return told.counts_per_mv
    found = per_mv(told.unit)
    if found is None:
        raise DataError(f"record {name}: records.unit is {told.unit!r}; mV, uV or V is wanted")
    return found
