"""Files beside a file of windows: its facts, its labels, and the note on its split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.found import Facts, Found, content, facts_of
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

SPLIT = "split.json"
"""The note of ``ecgbench split`` on a split, in the folder of the windows or above it."""

SMALL = 2**20
"""Bytes of a file of facts or of a note."""


def write_facts(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write ``NAME.windows.json`` beside a file of windows."""
    facts = msgspec.json.format(msgspec.json.encode(facts_of(arrays)), indent=1)
    write(file.with_suffix(".windows.json"), facts + b"\n")


def facts_beside(file: Path) -> Found:
    """Return the facts beside a file of windows; none if there is no ``NAME.windows.json``.

    Raises:
        UsageError: they cannot be read.
    """
    beside = file.with_suffix(".windows.json")
    if file.is_dir() or not beside.is_file():
        return Found({}, [])
    try:
        facts = msgspec.json.decode(content(beside, SMALL), type=Facts)
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise UsageError(f"{beside} does not hold the facts of windows ({error})") from None
    return Found(facts.arrays(), [f"its facts come from {beside.name}"])


def labels_beside(file: Path) -> Path | None:
    """Return the file of the labels of windows, if there is one at its usual place."""
    beside = file / "labels.csv" if file.is_dir() else file.with_suffix(".labels.csv")
    return beside if beside.is_file() else None


def split_beside(file: Path) -> Found:
    """Return the note on the split in ``split.json``, in the folder of the windows or above it.

    Raises:
        UsageError: it cannot be read.
    """
    for folder in (file, file.absolute().parent) if file.is_dir() else (file.absolute().parent,):
        note = folder / SPLIT
        if note.is_file():
            text = content(note, SMALL).decode("utf-8", "replace")
            told = f"its split is the one of {note.relative_to(file.absolute().parent)} beside it"
            if folder == file:
                told = f"its split is the one of {file.name}/{SPLIT}"
            return Found({"split": np.array(text.strip())}, [told])
    return Found({}, [])
