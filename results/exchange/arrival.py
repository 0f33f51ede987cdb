"""Reads the cells of an archive; checks each file in memory and writes it at most once."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import StoreError
from ecgbench.results.exchange.sound import check_cell, check_score, check_windows
from ecgbench.results.store.records import seal_of
from ecgbench.results.store.store import content_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.results.exchange.archive import Archive
    from ecgbench.results.store.records import CellRecord


@dataclass
class Arrival:
    """A cell of an archive, read and checked.

    Attributes:
        name: the cell's name.
        paths: the cell's files, below its folder.
        seals: seals of the cell's records, by path.
        here: paths of records with the same bytes in the store.
        reason: why the cell is not sound; empty if it is.
    """

    name: str
    paths: list[str]
    seals: dict[str, str] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)
    reason: str = ""

    @property
    def scores(self) -> list[str]:
        """Paths of the scores."""
        return [path for path in self.paths if path.startswith("scores/")]


def cells_of(archive: Archive) -> dict[str, list[str]]:
    """Return the paths of each cell's files below its folder, by the cell's name."""
    inside = [path.split("/", 4) for path in archive.entries if path.startswith("cells/")]
    cells = groupby(inside, key=lambda parts: "/".join(parts[1:4]))
    return {name: [parts[4] for parts in files] for name, files in cells}


def receive(
    archive: Archive, name: str, paths: list[str], here: Path | None = None, to: Path | None = None
) -> Arrival:
    """Read and check all files of a cell.

    Args:
        archive: open.
        name: the cell's name.
        paths: the cell's files, below its folder.
        here: the cell's folder in the store; None if the store has no such cell.
        to: folder for the files; None to write nothing.

    Raises:
        StoreError: a file differs from the manifest.
        OSError: a file cannot be written.
    """
    arrival = Arrival(name, paths)
    at = f"cells/{name}/"
    check = _Check(name, {path: archive.entries[at + path].sha256 for path in paths})
    if to is not None:
        for folder in {path.rpartition("/")[0] for path in paths}:
            (to / folder).mkdir(parents=True, exist_ok=True)
    if "cell.json" not in paths:
        arrival.reason = "cell.json is missing"
    for path in sorted(paths, key=_place):
        file = None if to is None else f"{to}/{path}"
        if path.startswith("artefacts/"):
            _write(file, archive.chunks(at + path))
            continue
        content = archive.read(at + path)
        _write(file, [content])
        if not arrival.reason:
            arrival.reason = check.reason(path, content)
        if path.endswith(".json"):
            arrival.seals[path] = seal_of(content)
            if here is not None and content_of(f"{here}/{path}") == content:
                arrival.here.add(path)
    if not arrival.reason and (unknown := sorted({*paths} - check.known)):
        arrival.reason = f"{unknown[0]} is in no record"
    return arrival


def _place(path: str) -> tuple[int, str]:
    """Return the place of a path in the order of the checks: a cell's record comes first."""
    order = ("cell.json", "synthetic.npz")
    return (order.index(path) if path in order else len(order), path)


def _write(file: str | None, chunks: Iterable[bytes]) -> None:
    """Write the chunks to a new file; without a file, only read them."""
    if file is None:
        for _ in chunks:
            pass
        return
    with open(file, "xb", buffering=0) as stream:  # noqa: PTH123 - as `content_of`
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:  # a full disk may take a part, and refuse only the rest
                rest = rest[stream.write(rest) :]


class _Check:
    """Checks the files of one cell, one after the other.

    Attributes:
        known: paths of the files in the records.
    """

    def __init__(self, name: str, digests: dict[str, str]) -> None:
        self.name = name
        self.digests = digests
        self.known = {"cell.json"}
        self.record: CellRecord | None = None

    def reason(self, path: str, content: bytes) -> str:
        """Return why a file is not sound; empty if it is."""
        try:
            self._check(path, content)
        except StoreError as error:
            return str(error)
        return ""

    def _check(self, path: str, content: bytes) -> None:
        if self.record is None:
            self.record = check_cell(content, self.name, self.digests)
            if self.record.model:
                raise StoreError("cell.json: it names a fitted model, and archives hold none")
            self._know(self.record.artefacts)
            if self.record.synthetic_file:
                self.known.add("synthetic.npz")
        elif path == "synthetic.npz":
            if path in self.known:
                check_windows(content, self.record)
        else:
            file = path.removeprefix("scores/")
            score = check_score(content, file, self.name, self.record, self.digests)
            self.known.add(path)
            self._know(score.artefacts)

    def _know(self, artefacts: Iterable[str]) -> None:
        self.known.update(f"artefacts/{artefact}" for artefact in artefacts)
