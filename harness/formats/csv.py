"""``.csv``: one row a window; with a header row, or samples and the label last."""

from __future__ import annotations

import csv
import io
import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.beside import write_facts
from ecgbench.harness.formats.columns import LABEL, from_columns, is_number
from ecgbench.harness.formats.found import MAX_COLUMNS, Found, check_size, texts
from ecgbench.harness.formats.labels import table
from ecgbench.results.store.store import write as put

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

MAX_CSV = 2 * 2**30
"""Bytes of a file; its numbers take up to four times as much memory."""

MAX_LINE = 2**24
"""Bytes of a line."""

NO_NUMBER = ("", "nan", "NaN")
"""Cells of a missing number; any other word is a word."""


def read(file: Path, labelled: bool) -> Found:
    """Read a table; raises `UsageError` if it is none.

    Args:
        file: to read.
        labelled: whether the labels come from another file; without a header row the last column is
            the label otherwise.
    """
    check_size(file, MAX_CSV)
    header = _header(file)
    frame = _frame(file, skip=header is not None)
    if header is not None:
        if frame.shape[1] != len(header):
            raise UsageError(
                f"{file}: its header row has {len(header)} names, the next one {frame.shape[1]} cells"
            )
        return from_columns(str(file), header, lambda at: _column(frame, at), labelled=labelled)
    width = frame.shape[1]
    kept = width if labelled else width - 1
    if kept < 1:
        raise UsageError(f"{file} has one column; a row is the samples of a window and its label")
    names = [f"{place + 1} of {width}" for place in range(kept)]
    found = from_columns(str(file), names, lambda at: _column(frame, at), labelled=True)
    if labelled:
        return found
    told = f"it has no header row, so the last of its {width} columns is the label"
    return Found({**found.arrays, "labels": _column(frame, width - 1)}, [told])


def _header(file: Path) -> list[str] | None:
    """Return the names of the columns, None if the first row holds numbers alone."""
    rows = []
    try:
        with file.open("rb") as stream:
            for _ in range(2):
                line = stream.readline(MAX_LINE + 1)
                if len(line) > MAX_LINE or line.count(b",") >= MAX_COLUMNS:
                    raise UsageError(
                        f"{file} has a line of more than {MAX_COLUMNS} cells or {MAX_LINE} bytes; one "
                        "row is one window"
                    )
                rows += list(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is no text of numbers ({error})") from None
    if not rows or not rows[0]:
        raise UsageError(
            f"{file} is empty, or begins with an empty line; one row a window is wanted"
        )
    if len(rows[0]) == 1 and any(sign in rows[0][0] for sign in ";\t"):
        raise UsageError(f"{file}: its cells are not parted by commas")
    first = [cell.strip() for cell in rows[0]]
    counted = first[1:] if first[0] == "" else first
    if len(counted) > 2 and counted == [str(place) for place in range(len(counted))]:
        raise UsageError(
            f"{file}: its first row counts from 0 to {len(counted) - 1}: names of pandas? "
            "to_csv(…, header=False, index=False) leaves them out"
        )
    if first[-1].casefold() in LABEL:
        return rows[0]
    # a word in the last column alone is the name of a class
    samples = first[:-1] or first
    is_row = any(map(is_number, samples)) and all(not cell or is_number(cell) for cell in samples)
    return None if is_row else rows[0]


def _frame(file: Path, *, skip: bool) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - other formats need none

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pd.read_csv(
                file,
                header=None,
                skiprows=int(skip),
                index_col=False,
                encoding="utf-8-sig",
                compression=None,
                low_memory=False,
                keep_default_na=False,
                na_values=list(NO_NUMBER),
                float_precision="round_trip",
            )
    except (ValueError, OSError, MemoryError, OverflowError, RuntimeError) as error:
        raise UsageError(
            f"{file} is no table of numbers, one row a window ({str(error).strip()})"
        ) from None


def _column(frame: pd.DataFrame, at: int) -> NDArray[Any]:
    values = frame.iloc[:, at].to_numpy()
    return (
        values if values.dtype.kind in "iuf" else np.array([str(v) for v in values], dtype=np.str_)
    )


def write(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write ``NAME.csv`` and ``NAME.windows.json``; return the path of the first.

    Columns: the name of the class, patient, record and position (seconds), as far as they are known, and
    the samples of each lead in mV.  Nine digits bring each float32 back.
    """
    file = folder / f"{name}.csv"
    signals = np.asarray(arrays["signals"], dtype=np.float32)
    columns = table(arrays)
    samples = [
        f"{lead}[{sample}]" for lead in texts(arrays["leads"]) for sample in range(signals.shape[2])
    ]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*columns, *samples])
    for facts, window in zip(zip(*columns.values(), strict=True), signals, strict=True):
        rows.writerow(itertools.chain(facts, (f"{value:.9g}" for value in window.ravel().tolist())))
    put(file, text.getvalue().encode())
    write_facts(file, arrays)
    return file
