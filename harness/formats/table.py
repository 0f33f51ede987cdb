"""The formats of windows: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats import csv, npy, npz, parquet, wfdb
from ecgbench.harness.formats.beside import facts_beside, labels_beside, split_beside
from ecgbench.harness.formats.found import Found
from ecgbench.harness.formats.labels import read_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = Callable[[Path, bool], Found]
Write = Callable[[Path, str, "Mapping[str, NDArray[Any]]"], Path]


@dataclass(frozen=True)
class Format:
    """A format of windows.

    Attributes:
        read: reads a file, or a folder; it is told whether the labels come from elsewhere.
        write: writes arrays into a folder under a name; ``signals`` in mV, ``labels``, ``classes``,
            ``leads`` and ``sampling_rate`` are there, ``patients``, ``records``, ``positions`` and
            ``split`` may be.
        suffix: of its file; empty for a folder.
        holds_split: whether its file has a place for the note on a split.
    """

    read: Read
    write: Write
    suffix: str
    holds_split: bool = False


FORMATS = {
    "npz": Format(npz.read, npz.write, ".npz", holds_split=True),
    "npy": Format(npy.read, npy.write, ".npy"),
    "csv": Format(csv.read, csv.write, ".csv"),
    "parquet": Format(parquet.read, parquet.write, ".parquet", holds_split=True),
    "wfdb": Format(wfdb.read, wfdb.write, ""),
}


def format_of(path: Path) -> Format:
    """Return the format of a path, by its suffix.

    Raises:
        UsageError: no format has it, or nothing is there.
    """
    if path.is_dir():
        return FORMATS["wfdb"]
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    suffix = path.suffix.casefold()
    for each in FORMATS.values():
        if each.suffix and each.suffix == suffix:
            return each
    known = ", ".join(each.suffix for each in FORMATS.values() if each.suffix)
    raise UsageError(
        f"{path} is no format of windows: {known}, or a folder of WFDB records; pickles (.pkl, .pt) are "
        "never read"
    )


def read_windows(path: Path, labels: Path | None = None) -> Found:
    """Read windows with their labels, their facts and the note on their split, as far as they are there.

    Args:
        path: a file, or a folder of WFDB records.
        labels: a file of labels; None for those of the windows, or at their usual place.

    Raises:
        UsageError: something cannot be read.
    """
    form = format_of(path)
    own = form.read(path, labels is not None)
    arrays, notes = dict(own.arrays), list(own.notes)
    facts = facts_beside(path)
    if facts.arrays.keys() - arrays.keys():
        arrays = facts.arrays | arrays
        notes += facts.notes
    beside = labels
    if labels is None and (form is FORMATS["wfdb"] or "labels" not in arrays):
        beside = labels_beside(path)
    if beside is not None:
        arrays["labels"] = _joined(beside, arrays)
        notes.append(f"its labels come from {beside.name}")
    if "split" not in arrays:
        split = split_beside(path)
        arrays |= split.arrays
        notes += split.notes
    return Found(arrays, notes)


def _joined(file: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the labels of a file in the order of the windows: by their names, if both have names."""
    found = read_labels(file)
    if "windows" not in found or "windows" not in arrays:
        return found["labels"]
    names, wanted = found["windows"].tolist(), arrays["windows"].tolist()
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names):
        raise UsageError(f"{file} names a window twice")
    if missing := [name for name in wanted if name not in places]:
        raise UsageError(f"{file} has no label of {len(missing)} windows; first {missing[0]}")
    return found["labels"][[places[name] for name in wanted]]
