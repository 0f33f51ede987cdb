"""Marks of recordings whose format has none: a CSV file beside each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.errors import DataError
from ecgbench.recordings.recording import Annotations, as_annotations
from ecgbench.recordings.table import number, rows

if TYPE_CHECKING:
    from pathlib import Path

LAST = 2**53
"""Above it, a float is no exact number of a sample."""


def read(folder: Path, name: str, suffix: str) -> Annotations:
    """Read the table ``NAME.SUFFIX``: ``sample`` (from 0) and ``class`` of each mark, perhaps ``note``.

    Raises:
        DataError: it is missing, or a sample is no whole number of a usual size.
    """
    file = folder / f"{name}.{suffix.removeprefix('.')}"
    told = rows(file, "sample", "class")
    samples = []
    for line, row in enumerate(told, 2):
        found = number(row["sample"], f"{file}, row {line}, column sample")
        if found != int(found) or abs(found) > LAST:
            raise DataError(
                f"{file}, row {line}, column sample: {row['sample']!r} is no whole number of a sample"
            )
        samples.append(int(found))
    notes = [row.get("note", "") for row in told]
    return as_annotations(samples, [row["class"] for row in told], notes)
