"""Files of labels: ``.npy``, ``.csv``, or text with one label a line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.columns import LABEL, is_number
from ecgbench.harness.formats.found import class_names, content, npy_array
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_TEXT = 256 * 2**20
"""Bytes of a text of labels."""

OF_WINDOW = (("patient", "patients"), ("record", "records"), ("position", "positions"))
"""Columns of a table of windows, and the arrays behind them."""


def read_labels(file: Path) -> dict[str, NDArray[Any]]:
    """Read ``labels``, and ``windows``, their names, if the file has a column of that name.

    Raises:
        UsageError: the file holds no labels.
    """
    if file.suffix == ".npy":
        return {"labels": npy_array(file)}
    try:
        text = content(file, MAX_TEXT).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is no text of labels ({error})") from None
    if not rows:
        raise UsageError(f"{file} is empty; one label a line is wanted")
    width = len(rows[0])
    names = [cell.strip().casefold() for cell in rows[0]]
    at = next((place for place, name in enumerate(names) if name in LABEL), None)
    if at is not None:
        rows = rows[1:]
    elif width == 1:
        at = 0
    else:
        raise UsageError(
            f"{file} has {width} columns, none of them called label; its columns are {', '.join(rows[0][:6])}"
        )
    if uneven := next((n for n, row in enumerate(rows) if len(row) != width), None):
        raise UsageError(
            f"{file}: row {uneven} has {len(rows[uneven])} cells; {width} are wanted as in the first"
        )
    found = {"labels": values([row[at].strip() for row in rows])}
    if "window" in names and "label" in names:
        place = names.index("window")
        found["windows"] = np.array([row[place].strip() for row in rows], dtype=np.str_)
    return found


def values(cells: Sequence[str]) -> NDArray[Any]:
    """Return cells as whole numbers or floats if all are numbers, else as text."""
    if not all(map(is_number, cells)):
        return np.array(cells, dtype=np.str_)
    numbers = np.array(cells, dtype=np.float64)
    whole = np.isfinite(numbers) & (np.abs(numbers) < 2**53) & (numbers == np.floor(numbers))
    written_whole = all("." not in cell and "e" not in cell.casefold() for cell in cells)
    return numbers.astype(np.int64) if whole.all() and written_whole else numbers


def table(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Sequence[Any]]:
    """Return the columns of windows without their samples: the name of the class, and where they are from."""
    columns: dict[str, Sequence[Any]] = {"label": class_names(arrays)}
    for column, name in OF_WINDOW:
        if name in arrays:
            columns[column] = arrays[name].tolist()
    return columns


def write_labels(
    file: Path, arrays: Mapping[str, NDArray[Any]], names: Sequence[str] | None = None
) -> None:
    """Write a table with one row for each window.

    Args:
        file: to write.
        arrays: ``labels`` and ``classes``; also ``patients``, ``records`` and ``positions``, if known.
        names: of the windows, if they have names.
    """
    columns = table(arrays)
    if names is not None:
        columns = {"window": names, **columns}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    rows.writerows(zip(*columns.values(), strict=True))
    write(file, text.getvalue().encode())
