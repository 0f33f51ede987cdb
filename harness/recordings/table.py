"""Tables: CSV files of records, people, marks or samples."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import DataError, suggest

if TYPE_CHECKING:
    from pathlib import Path


def rows(file: Path, *columns: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column, without white space at the ends of cells.

    Cells may be parted by commas, semicolons or tabs, and quoted.

    Args:
        file: in UTF-8.
        columns: that must be there.

    Raises:
        DataError: the file is missing, or is no such table; the message names file, line and column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            head = opened.readline()
            opened.seek(0)
            parted = max(",;\t", key=head.count)
            lines = list(csv.reader(opened, delimiter=parted, strict=True))
    except FileNotFoundError:
        raise DataError(f"there is no file {file}") from None
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no table of text in UTF-8: {error}") from None
    lines = [line for line in lines if any(map(str.strip, line))]
    names = [name.strip() for name in lines[0]] if lines else []
    for column in columns:
        if column not in names:
            raise DataError(f"{file} has no column {column!r}; {suggest(column, names)}")
        if names.count(column) > 1:
            raise DataError(f"{file} has two columns {column!r}")
    if len(lines) < 2:
        raise DataError(f"{file} has no rows")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            raise DataError(
                f"{file}, row {number}: it has {len(line)} cells, the head {len(names)}; a comma in a "
                "number, or a cell without quotes?"
            )
    return [dict(zip(names, map(str.strip, line), strict=True)) for line in lines[1:]]


def number(text: str, where: str) -> float:
    """Return a cell as a finite number; ``where`` begins the message of the error.

    Raises:
        DataError: it is none.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or "_" in text:  # Python takes 1_000 for a number
        raise DataError(f"{where}: {text!r} is not a number")
    return found
