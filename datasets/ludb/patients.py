"""The patients of the database: sex, age, rhythm and findings."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ecgbench import DataError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "Electric axis of the heart": "axis",
    "Conduction abnormalities": "conduction",
    "Extrasystolies": "extrasystoles",
    "Hypertrophies": "hypertrophy",
    "Cardiac pacing": "pacing",
    "Ischemia": "ischaemia",
    "Non-specific repolarization abnormalities": "repolarisation",
    "Other states": "other",
}
"""The attribute of each column of findings in ``ludb.csv``."""

OLDEST = 90.0
"""Years: the one age that the table hides, as ``>89``; the database's README gives it."""


def attributes(folder: Path) -> dict[int, dict[str, str | float]]:
    """Return each patient's attributes, from ``ludb.csv``.

    Everybody has ``sex`` ("F" or "M"), ``age`` (years) and ``rhythm`` (one of seven).  The other
    attributes are findings, in the words of the table: ``axis``, ``conduction``, ``extrasystoles``,
    ``hypertrophy``, ``pacing``, ``ischaemia``, ``repolarisation`` and ``other``, several joined by
    ``"; "`` in the table's order; an absent attribute was not found.  A few rhythms have an addition in
    the table (wandering atrial pacemaker, aberrant conduction), left out here.

    Args:
        folder: the database's folder, with ``ludb.csv``.

    Raises:
        DataError: the table is missing or is not that of the database.
    """
    table = folder / "ludb.csv"
    try:
        with table.open(encoding="utf-8", newline="") as opened:
            patients = {int(row["ID"]): _attributes(row) for row in csv.DictReader(opened)}
    except FileNotFoundError:
        raise DataError(f"there is no file {table}") from None
    except (KeyError, ValueError, AttributeError, IndexError) as error:
        raise DataError(
            f"{table} is not the table of ludb ({type(error).__name__}: {error})"
        ) from error
    if not patients:
        raise DataError(f"{table} names no patient")
    return patients


def _attributes(row: dict[str, str]) -> dict[str, str | float]:
    age = row["Age"].strip()
    attributes: dict[str, str | float] = {
        "sex": row["Sex"].strip(),
        "age": OLDEST if age == ">89" else float(age),
        "rhythm": row["Rhythms"].splitlines()[0],
    }
    for column, name in COLUMNS.items():
        if row[column]:
            attributes[name] = "; ".join(row[column].splitlines())
    return attributes
