"""The table of formats: their files, and their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.recordings.description import Records
    from ecgbench.recordings.recording import Recording

SUFFIXES = {
    "wfdb": (".hea",),
    "csv": (".csv",),
    "npy": (".npy", ".npz"),
    "edf": (".edf", ".bdf"),
    "dicom": (".dcm",),
}
"""Of the file that makes a record of each format."""


def names_in(folder: Path, form: str) -> list[str]:
    """Return the paths of all recordings of a format below a folder, without suffix.

    Files of marks, such as ``r1.beats.csv``, have another dot in their names and are none.  Segments of a
    WFDB record are none either.
    """
    files = [
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES[form] and "." not in file.stem and file.is_file()
    ]
    parts = {part for file in files for part in _segments(file)} if form == "wfdb" else set()
    kept = (file for file in files if file.with_suffix("") not in parts)
    return [file.relative_to(folder).with_suffix("").as_posix() for file in kept]


def _segments(header: Path) -> list[Path]:
    """Return the paths of the segments of a WFDB record, without suffix; its first line says ``NAME/COUNT``."""
    text = header.read_text("latin-1")
    lines = [
        line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    if not lines or "/" not in lines[0][0]:
        return []
    return [header.parent / line[0] for line in lines[1:]]


def read(folder: Path, name: str, told: Records, marks: str | None) -> Recording:
    """Read a recording of any format.

    Args:
        folder: that its name starts from.
        name: path without suffix.
        told: how to read it.
        marks: suffix of its annotation file; None to read none.

    Raises:
        DataError: it cannot be read; the message names it.
    """
    # imported one by one, for the digest of a dataset's code follows imports
    if told.format == "wfdb":
        from ecgbench.recordings import wfdb  # noqa: PLC0415 - one format a dataset

        return wfdb.read(
            folder, name, marks=marks, counts_per_mv=told.counts_per_mv, exact=told.whole
        )
    if told.format == "csv":
        from ecgbench.recordings import csv  # noqa: PLC0415 - as above

        return csv.read(folder, name, told, marks=marks)
    if told.format == "npy":
        from ecgbench.recordings import npy  # noqa: PLC0415 - as above

        return npy.read(folder, name, told, marks=marks)
    if told.format == "edf":
        from ecgbench.recordings import edf  # noqa: PLC0415 - as above

        return edf.read(folder, name, marks=marks)
    from ecgbench.recordings import dicom  # noqa: PLC0415 - as above

    return dicom.read(folder, name, marks=marks)
