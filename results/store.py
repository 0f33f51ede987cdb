"""The folder in which finished cells stand: plain files, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from typing import TYPE_CHECKING, TypeVar

import msgspec
from filelock import FileLock

from ecgbench.harness.errors import StoreError, UsageError, suggest
from ecgbench.results.records import (
    SCHEMA,
    CellId,
    CellRecord,
    MetricRecord,
    PlanRecord,
    ScoreRecord,
    digest_of,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = TypeVar("Record", CellRecord, ScoreRecord, PlanRecord)


class Store:
    """Reads and writes the records of a store.

    Args:
        path: the store's folder; made when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def folder(self, cell: str) -> Path:
        """The folder of a cell, by its name; it need not exist."""
        return self.path / "cells" / cell

    def cell(self, name: str) -> CellRecord | None:
        """A cell's record, None if it has not ended.

        Raises:
            StoreError: the record cannot be read.
        """
        return _read(self.folder(name) / "cell.json", CellRecord)

    def write_cell(self, record: CellRecord) -> None:
        """Write ``cell.json``; what it speaks of must stand already."""
        write(self.folder(record.cell.name) / "cell.json", encode(record))

    def score(self, cell: str, metric: MetricRecord) -> ScoreRecord | None:
        """A score's record, None if it has not ended; raises like `cell`."""
        return _read(self._score_file(cell, metric), ScoreRecord)

    def write_score(self, record: ScoreRecord) -> None:
        """Write a score's record; its artefacts must stand already."""
        write(self._score_file(record.cell, record.metric), encode(record))

    def _score_file(self, cell: str, metric: MetricRecord) -> Path:
        return self.path / f"cells/{cell}/scores/{metric.name}-{metric.key}.json"

    def scores(self, cell: str) -> list[ScoreRecord]:
        """All scores of a cell, by file name."""
        files = sorted((self.folder(cell) / "scores").glob("*.json"))
        return [record for file in files if (record := _read(file, ScoreRecord))]

    def write_artefact(self, cell: str, name: str, content: bytes) -> str:
        """Write ``artefacts/<name>`` of a cell and return its SHA-256."""
        write(self.folder(cell) / "artefacts" / name, content)
        return hashlib.sha256(content).hexdigest()

    def forget(self, cell: CellId) -> None:
        """Remove a cell that has to be run again, with its scores; checkpoints stay."""
        folder = self.folder(cell.name)
        (folder / "cell.json").unlink(missing_ok=True)
        for part in ("scores", "artefacts"):
            shutil.rmtree(folder / part, ignore_errors=True)

    def write_plan(self, plan: PlanRecord) -> None:
        """Keep what a run was asked for; the same plan again changes nothing."""
        file = self.path / "plans" / plan.board_key / f"{digest_of(plan)}.json"
        if not file.exists():
            write(file, encode(plan))

    def plans(self) -> list[PlanRecord]:
        """All plans, by board."""
        files = sorted((self.path / "plans").glob("*/*.json"))
        return [record for file in files if (record := _read(file, PlanRecord))]

    def cell_names(self) -> Iterator[str]:
        """Names of the cells that have ended, sorted."""
        for file in sorted((self.path / "cells").glob("*/*/seed-*/cell.json")):
            yield file.parent.relative_to(self.path / "cells").as_posix()

    def find(self, text: str) -> str:
        """The full name of the one cell that ``text`` names, with or without its key.

        Raises:
            UsageError: no cell, or several, are called so.
        """
        known = list(self.cell_names())
        wanted = text.strip("/")
        found = [n for n in known if n == wanted or n.rpartition("-")[0] == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{text!r} is one of several cells: {', '.join(found)}")
        raise UsageError(f"{self.path} has no cell {text!r}; {suggest(wanted, known)}")

    def lock(self, cell: str) -> FileLock:
        """A lock that one process of this machine holds while it works on a cell.

        The operating system frees it when the process ends, however it ends.
        """
        folder = self.path / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{digest_of(cell)}.lock")


def write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary name, synced, renamed.

    Raises:
        StoreError: the file cannot be written (no space, no permission).
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # not tempfile's, which nobody but its owner may read
        temporary = file.parent / f".{secrets.token_hex(8)}.tmp"
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(
            f"cannot write {file}: {error.strerror}; what was finished before stays"
        ) from error


def _read(file: Path, record: type[Record]) -> Record | None:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    found = re.search(rb'"schema":\s*(\d+)', content)
    if found and int(found.group(1)) != SCHEMA:
        raise StoreError(
            f"{file} has schema {int(found.group(1))}, this ecgbench reads schema {SCHEMA}; use "
            "another --store, or the ecgbench that wrote it"
        )
    try:
        return msgspec.json.decode(content, type=record)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise StoreError(f"{file} is damaged ({error}); remove it to have it made again") from None
