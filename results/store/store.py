"""`Store`: the folder of finished cells, plain files, written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ecgbench.contracts.decoding import decoder
from ecgbench.contracts.errors import DamagedError, StoreError, UsageError, suggest
from ecgbench.results.store.progress import Progress
from ecgbench.results.store.records import (
    SCHEMA,
    CellId,
    CellRecord,
    MetricRecord,
    PlanRecord,
    ScoreRecord,
    digest_of,
    encode,
    is_sealed,
    seal_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEFT = 3600.0
"""Seconds until nobody can still be writing a temporary file."""

SCHEMA_AT = b'\n "schema": '
OF_SCHEMA = re.compile(SCHEMA_AT + rb"(\d{1,9}),?\n")

Record = TypeVar("Record", bound=msgspec.Struct)


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
            DamagedError: the record is not as it was written.
            StoreError: the record cannot be read.
        """
        file = self.folder(name) / "cell.json"
        record = read_record(file, CellRecord)
        if record is not None:
            check_cell_place(record, name, file)
        return record

    def write_cell(self, record: CellRecord) -> None:
        """Write ``cell.json``; the files that it names must stand already."""
        write_record(self.folder(record.cell.name) / "cell.json", record)

    def score(self, cell: str, metric: MetricRecord) -> ScoreRecord | None:
        """A score's record, None if it has not ended; raises like `cell`."""
        return self._score(cell, self.score_file(cell, metric))

    def write_score(self, record: ScoreRecord) -> None:
        """Write a score's record; its artefacts must stand already."""
        write_record(self.score_file(record.cell, record.metric), record)

    def score_file(self, cell: str, metric: MetricRecord) -> Path:
        """Return the path of a score's record, there or not."""
        return self.folder(cell) / "scores" / metric.file

    def score_files(self, cell: str) -> list[Path]:
        """The records of a cell's scores, by file name."""
        folder = self.folder(cell) / "scores"
        try:
            # glob, and the order of a hundred thousand paths, cost more than the reading
            names = sorted(os.listdir(folder))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []
        return [folder / name for name in names if name.endswith(".json")]

    def scores(self, cell: str) -> list[ScoreRecord]:
        """All scores of a cell, by file name."""
        files = self.score_files(cell)
        return [record for file in files if (record := self._score(cell, file))]

    def _score(self, cell: str, file: Path) -> ScoreRecord | None:
        record = read_record(file, ScoreRecord)
        if record is not None:
            check_score_place(record, cell, file)
        return record

    def write_synthetic(self, cell: str, content: bytes) -> None:
        """Write ``synthetic.npz`` of a cell."""
        write(self.folder(cell) / "synthetic.npz", content)

    def write_artefact(self, cell: str, name: str, content: bytes) -> str:
        """Write ``artefacts/<name>`` of a cell and return its SHA-256."""
        write(self.folder(cell) / "artefacts" / name, content)
        return sha256(content)

    def write_model(self, cell: str, name: str, content: bytes) -> str:
        """Write ``model/<name>`` of a cell and return its SHA-256."""
        write(self.folder(cell) / "model" / name, content)
        return sha256(content)

    def forget(self, cell: CellId) -> None:
        """Remove a cell with its scores, to run it again; checkpoints stay."""
        folder = self.folder(cell.name)
        (folder / "cell.json").unlink(missing_ok=True)
        for part in ("scores", "artefacts", "model"):
            shutil.rmtree(folder / part, ignore_errors=True)

    def write_progress(self, cell: str, progress: Progress) -> None:
        """Note how far a running cell has come; a lost note is no loss."""
        file = self.folder(cell) / "progress.json"
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(".progress.tmp")
            temporary.write_bytes(msgspec.json.encode(progress))
            temporary.replace(file)

    def progress(self, cell: str) -> Progress | None:
        """How far a running cell has come, None if nothing is known of it."""
        try:
            content = (self.folder(cell) / "progress.json").read_bytes()
            progress: Progress = decoder("json", Progress).decode(content)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return None
        return progress

    def forget_progress(self, cell: str) -> None:
        """Remove the note of a cell after its run."""
        with suppress(OSError):
            (self.folder(cell) / "progress.json").unlink(missing_ok=True)

    def make_folder(self, cell: str) -> None:
        """Make the folder of a cell if it is not there.

        Raises:
            StoreError: it cannot be made.
        """
        folder = self.folder(cell)
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def tidy(self, cell: str) -> None:
        """Remove temporary files of killed writers from a cell; only its owner may."""
        folder = self.folder(cell)
        for file in (*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")):
            file.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove temporary files of killed writers outside the cells."""
        for pattern in (
            "leases/.*.tmp",
            "plans/*/.*.tmp",
            "shared/*/*/.*.tmp",
            "board/.*.tmp",
            "index/.*.tmp",
        ):
            for file in self.path.glob(pattern):
                with suppress(OSError):
                    if time.time() - file.stat().st_mtime > LEFT:
                        file.unlink(missing_ok=True)

    def damage(self, cell: str) -> Path | None:
        """Return the first damaged file of an ended cell, None if all are sound."""
        try:
            record = self.cell(cell)
            if record is None:
                return None
            folder = self.folder(cell)
            wanted = {f"artefacts/{name}": digest for name, digest in record.artefacts.items()}
            wanted |= {f"model/{name}": digest for name, digest in record.model.items()}
            if record.synthetic_file:
                wanted["synthetic.npz"] = record.synthetic_file
            for score in self.scores(cell):
                wanted |= {f"artefacts/{name}": digest for name, digest in score.artefacts.items()}
        except DamagedError as error:
            return error.file
        for name, digest in wanted.items():
            file = folder / name
            if not file.is_file() or sha256(file.read_bytes()) != digest:
                return file
        return None

    def set_aside(self, cell: str, file: Path | None = None) -> Path:
        """Move a damaged cell, or only one of its scores, out of the way; return its new path.

        Args:
            cell: its name.
            file: the damaged file; a file of a score costs that score alone.

        Raises:
            StoreError: it cannot be moved.
        """
        folder = self.folder(cell)
        target = self.path / "damaged" / f"{cell}-{secrets.token_hex(4)}"
        if file is not None and file.parent == folder / "artefacts":
            file = self._score_of(cell, file) or file
        with _writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if file is not None and file.parent == folder / "scores":
                target = target / "scores" / file.name
                target.parent.mkdir(parents=True)
                file.rename(target)
            elif folder.exists():
                folder.rename(target)
        return target

    def _score_of(self, cell: str, artefact: Path) -> Path | None:
        for file in self.score_files(cell):
            with suppress(DamagedError):
                score = self._score(cell, file)
                if score is not None and artefact.name in score.artefacts:
                    return file
        return None

    def receive(self, cell: str, files: Mapping[str, bytes]) -> None:
        """Write the files of a cell from another machine; a record after the files that it names."""
        folder = self.folder(cell)
        for name in sorted(files, key=lambda n: (n.startswith("scores/"), n == "cell.json", n)):
            content = files[name]
            if name == "log.txt" and (folder / name).exists():
                content = (folder / name).read_bytes() + content
            write(folder / name, content)

    def write_plan(self, plan: PlanRecord) -> None:
        """Keep the plan of a run; the same plan again changes nothing."""
        if not self.has_plan(plan):
            write_record(self._plan_file(plan), plan)

    def has_plan(self, plan: PlanRecord) -> bool:
        """Whether the store holds a plan."""
        return self._plan_file(plan).exists()

    def remove_plan(self, plan: PlanRecord) -> None:
        """Remove a plan; its cells stay."""
        self._plan_file(plan).unlink(missing_ok=True)

    def has_ended(self, cell: str) -> bool:
        """Whether the store holds a cell's record; it is not read."""
        return (self.folder(cell) / "cell.json").exists()

    def _plan_file(self, plan: PlanRecord) -> Path:
        return self.path / "plans" / plan.board_key / f"{digest_of(plan)}.json"

    def plans(self) -> list[PlanRecord]:
        """All plans, by board; raises like `cell`."""
        return [record for file in self._plan_files() if (record := read_record(file, PlanRecord))]

    def mend_plans(self) -> None:
        """Set damaged plans aside; each run writes its own anew.

        Raises:
            StoreError: one cannot be moved.
        """
        for file in self._plan_files():
            try:
                read_record(file, PlanRecord)
            except DamagedError:
                target = self.path / "damaged" / "plans" / file.name
                with _writing(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)

    def _plan_files(self) -> list[Path]:
        return sorted((self.path / "plans").glob("*/*.json"))

    def cell_names(self) -> Iterator[str]:
        """Yield the names of all ended cells, sorted."""
        for file in sorted((self.path / "cells").glob("*/*/seed-*/cell.json")):
            yield file.parent.relative_to(self.path / "cells").as_posix()

    def find(self, text: str) -> str:
        """Return the full name of the cell called ``text``, with or without its key.

        Raises:
            UsageError: no cell, or several, are called so.
        """
        known = list(self.cell_names())
        wanted = text.strip("/")
        matches = [n for n in known if n == wanted or n.rpartition("-")[0] == wanted]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f"{text!r} is one of several cells: {', '.join(matches)}")
        raise UsageError(f"{self.path} has no cell {text!r}; {suggest(wanted, known)}")


def remove_empty(*folders: Path) -> None:
    """Remove folders, one after the other, as far as they are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def sha256(content: bytes) -> str:
    """Hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary name, synced, renamed.

    Raises:
        StoreError: the file cannot be written (no space, no permission).
    """
    with _writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        # not tempfile's: only its owner may read such a file
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


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was finished before stays"
        ) from error


def write_record(file: Path, record: msgspec.Struct) -> None:
    """Write a sealed record; raises like `write`."""
    write(file, encode(record))


def read_record(file: Path, record: type[Record]) -> Record | None:
    """A record, None if it is not there; raises like `decode`."""
    pair = read_sealed(file, record)
    return None if pair is None else pair[0]


def read_sealed(file: Path | str, record: type[Record]) -> tuple[Record, str] | None:
    """Return a record and its seal, unlike that of any other record; None if it is not there.

    Raises:
        DamagedError: the bytes are not as they were written.
        StoreError: it cannot be read, or is of another schema.
    """
    content = content_of(file)
    if content is None:
        return None
    seal = seal_of(content)
    return decode(content, record, file, seal), seal


def check_cell_place(record: CellRecord, name: str, file: Path | str) -> None:
    """Check that the record of a cell stands in the folder of that cell.

    Raises:
        DamagedError: it is of another cell.
    """
    if record.cell.name != name:
        raise DamagedError(Path(file), f"it is the record of cell {record.cell.name}")


def check_score_place(record: ScoreRecord, cell: str, file: Path | str) -> None:
    """Check that the record of a score stands in the file of that score.

    Raises:
        DamagedError: it is of another cell or metric.
    """
    if (record.cell, record.metric.file) != (cell, Path(file).name):
        raise DamagedError(
            Path(file), f"it is the score {record.metric.file[:-5]} of cell {record.cell}"
        )


def content_of(file: Path | str) -> bytes | None:
    """The bytes of a small file, None if it is not there.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        # of many small files a Path and a buffer cost more than the reading
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123
            return stream.read()
    except (FileNotFoundError, ValueError):  # ValueError: no file can have a name with a null byte
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # as above
            return None
        raise StoreError(f"cannot read {file}: {error.strerror}") from error


def decode(
    content: bytes, record: type[Record], file: Path | str, seal: str | None = None
) -> Record:
    """Decode a record, and check that its bytes are as they were written.

    Args:
        content: of the file.
        record: the record's type.
        file: named by errors.
        seal: `ecgbench.results.store.records.seal_of` the content; None if it is not known yet.

    Raises:
        DamagedError: the bytes are not as they were written.
        StoreError: they are of another schema.
    """
    schema = OF_SCHEMA.search(content, max(0, content.find(SCHEMA_AT)))
    sealed = is_sealed(content, seal)
    if schema and int(schema.group(1)) != SCHEMA and (sealed or b'"sha256"' not in content):
        raise StoreError(
            f"{file} has schema {int(schema.group(1))}, this ecgbench reads schema {SCHEMA}; use "
            "another --store, or the ecgbench that wrote it"
        )
    if not sealed:
        raise DamagedError(Path(file), "its bytes do not have the SHA-256 that it claims")
    try:
        decoded: Record = decoder("json", record).decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise DamagedError(Path(file), str(error)) from None
    return decoded
