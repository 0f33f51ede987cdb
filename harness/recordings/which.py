"""Which records a dataset has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import DataError
from ecgbench.recordings.description import is_inside
from ecgbench.recordings.formats import names_in
from ecgbench.recordings.table import rows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.recordings.description import Description


@dataclass(frozen=True)
class Named:
    """A record.

    Attributes:
        key: its name in messages, tables and windows.
        below: the folder that the name starts from, relative to the dataset's.
    """

    key: str
    below: str = ""

    @property
    def path(self) -> str:
        """Return its path in the dataset's folder, without suffix."""
        return self.below + self.key


def which(description: Description, folder: Path) -> list[Named]:
    """Return all records of a dataset, also those to be left out, in order.

    Without names in the dataset file, they are those of ``RECORDS``, or all recordings of the folder in
    natural order: 2 before 10.

    Raises:
        DataError: there is none, one is outside of the folder or there twice, a list cannot be read, or
            ``left_out`` names another record.
    """
    found = _which(description, folder)
    known = set[str]()
    for each in found:
        if not is_inside(each.path):
            raise DataError(f"record {each.key}: {each.path} is outside of {folder}")
        if each.key in known:
            raise DataError(
                f"record {each.key} is there twice: in a list, or as files of two suffixes"
            )
        known.add(each.key)
    for name in description.records.left_out:
        if name not in known:
            raise DataError(
                f"dataset {description.name}: records.left_out: {name!r} is no record; records are "
                f"{', '.join(sorted(known)[:10])}{', …' if known else ''}"
            )
    return found


def _which(description: Description, folder: Path) -> list[Named]:
    told = description.records
    if told.names:
        return [_named(told.path, name) for name in told.names]
    if told.listed_in:
        return [_named(told.path, name) for name in _listed(folder / told.listed_in, told.column)]
    pattern = told.matching
    if not pattern and (folder / "RECORDS").is_file():
        return [Named(name) for name in _listed(folder / "RECORDS", "")]
    found = sorted(names_in(folder, told.format), key=natural)
    table = description.people.table.removesuffix(".csv")
    kept = [
        Named(name)
        for name in found
        if name != table and (not pattern or re.fullmatch(pattern, name))
    ]
    if not kept:
        like = f" like {pattern!r}" if found else f" of format {told.format}"
        raise DataError(f"dataset {description.name}: {folder} has no records{like}")
    return kept


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key for sorting: whole numbers in a name count as numbers."""
    parts = [
        part.lstrip("0") if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", name))
    ]
    places = [(len(part) if at % 2 else -1, part) for at, part in enumerate(parts)]
    return [*(place for place in places if place != (-1, "")), (-2, name)]


def _named(path: str, key: str) -> Named:
    below, _, after = path.partition("{}")
    return Named(key, below) if not after else Named(path.replace("{}", key))


def _listed(file: Path, column: str) -> list[str]:
    if column:
        names = [row[column] for row in rows(file, column)]
    else:
        try:
            lines = file.read_text("utf-8-sig").splitlines()
        except OSError as error:
            raise DataError(f"cannot read {file}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise DataError(f"{file} is no text in UTF-8: {error}") from None
        names = [line.strip().removesuffix(".hea") for line in lines if line.strip()]
    if not names:
        raise DataError(f"{file} names no records")
    return names
