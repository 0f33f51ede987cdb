"""Where a store's cells, scores and plans came from: made here, or merged from an archive.

``provenance/<digits>/`` is of one archive, by the first 12 digits of its SHA-256: ``archive.json`` says
whose it is, ``cells/<cell>.json`` what it brought of a cell, ``plans/`` are its plans.  Each file is
written under the cell's lease, or is the same whoever writes it, so any number of merges may do so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from ecgbench.contracts.errors import DamagedError, StoreError
from ecgbench.results.store.records import SCHEMA, PlanRecord, seal_of
from ecgbench.results.store.store import content_of, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.results.store.store import Record, Store

Environment = dict[str, str | int | float | dict[str, str | None] | None]
"""As `ecgbench.environment.environment` returns it."""

Standing = Literal["merged", "verified", "trusted"]

DIGITS = 12
"""Of an archive's SHA-256, which name its notes."""


class ArchiveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``archive.json``: an archive of which something was taken in.

    Attributes:
        who: made the archive, in words of their own.
        when: it was made, UTC, ISO 8601.
        merged: when it was taken in first, UTC, ISO 8601.
        environment: of the machine on which it was made.
        archive: its SHA-256.
        trusted: whether the user said that its results count as those made here.
    """

    schema: int = SCHEMA
    who: str
    when: str
    merged: str
    environment: Environment
    archive: str
    trusted: bool = False


class BroughtRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``cells/<cell>.json``: what an archive brought of a cell.

    Attributes:
        cell: its name.
        files: seals of the records that it brought, by their path below the cell's folder.
        verified: paths of those that came out when the windows were scored again here.
    """

    schema: int = SCHEMA
    cell: str
    files: dict[str, str]
    verified: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True)
class Origins:
    """What of a store was made elsewhere.

    Attributes:
        standings: of the records that archives have brought, by seal.
        cells: names of those that were verified, all that was brought of them.
        plans: of archives that are not trusted.
        trusted_plans: of those that are.
    """

    standings: dict[str, Standing] = field(default_factory=dict)
    cells: set[str] = field(default_factory=set)
    plans: list[PlanRecord] = field(default_factory=list)
    trusted_plans: list[PlanRecord] = field(default_factory=list)

    def of(self, *seals: str) -> Standing | None:
        """The lowest standing of records; None where all of them were made here."""
        if not self.standings:
            return None
        found = {self.standings.get(seal) for seal in seals}
        return next((each for each in get_args(Standing) if each in found), None)


def origins(store: Store) -> Origins:
    """Read what of a store was made elsewhere.

    Raises:
        StoreError: it cannot be read, or is not what was written.
    """
    found = Origins()
    unverified: set[str] = set()
    for folder in _folders(store):
        trusted = _archive(folder).trusted
        for file in sorted(folder.glob("cells/*/*/*.json")):
            if (brought := _read(file, BroughtRecord)) is None:
                continue
            found.cells.add(brought.cell)
            if brought.files.keys() - set(brought.verified):
                unverified.add(brought.cell)
            for path, seal in brought.files.items():
                unproven: Standing = "trusted" if trusted else "merged"
                standing = "verified" if path in brought.verified else unproven
                if found.standings.get(seal, "merged") == "merged":
                    found.standings[seal] = standing
        for file in sorted(folder.glob("plans/*/*.json")):
            if (plan := _read(file, PlanRecord)) is not None:
                (found.trusted_plans if trusted else found.plans).append(plan)
    found.cells.difference_update(unverified)
    return found


def provenance(store: Store, cell: str) -> list[ArchiveRecord]:
    """The archives from which a cell, or scores of it, came; none if all of it was made here.

    Raises:
        StoreError: a record of provenance cannot be read.
    """
    found = []
    for folder in _folders(store):
        brought = brought_of(folder, cell)
        if brought is not None and left(store, brought):
            found.append(_archive(folder))
    return found


def unverified(store: Store, cells: Iterable[str]) -> dict[str, str]:
    """Return the cells with records of archives that are neither verified nor trusted.

    Returns:
        the first 12 digits of such an archive's SHA-256, by the cell's name.

    Raises:
        StoreError: a note or a record cannot be read.
    """
    standings = origins(store).standings
    merged = {seal for seal, standing in standings.items() if standing == "merged"}
    archives = {}
    for folder in _folders(store) if merged else ():
        for cell in cells:
            brought = brought_of(folder, cell)
            if brought is not None and any(
                seal in merged and _seal(store.folder(cell) / path) == seal
                for path, seal in sorted(brought.files.items())
            ):
                archives.setdefault(cell, folder.name)
    return archives


def left(store: Store, brought: BroughtRecord) -> list[str]:
    """The records of a cell that are still those which an archive brought; of one made anew, none."""
    folder = store.folder(brought.cell)
    return [path for path, seal in brought.files.items() if _seal(folder / path) == seal]


def _seal(file: Path) -> str | None:
    """Return the seal of a record; None if it is not there."""
    content = content_of(file)
    return None if content is None else seal_of(content)


def folder_of(store: Store, digest: str) -> Path:
    """Where it is noted what an archive brought."""
    return store.path / "provenance" / digest[:DIGITS]


def archive_of(store: Store, digest: str) -> ArchiveRecord | None:
    """The note of an archive, by the first digits of its SHA-256; None if nothing of it was taken in.

    Raises:
        StoreError: it is not what was written, or is of another archive with the same 12 digits.
    """
    folder = folder_of(store, digest)
    if not (folder / "archive.json").exists():
        return None
    record = _archive(folder)
    if not record.archive.startswith(digest):
        raise StoreError(f"{folder} is of another archive, {record.archive}")
    return record


def note_file(folder: Path, cell: str) -> Path:
    """Where it is noted what the archive of this folder brought of a cell."""
    return folder / "cells" / f"{cell}.json"


def brought_of(folder: Path, cell: str) -> BroughtRecord | None:
    """What the archive of this folder brought of a cell; None for nothing."""
    return _read(note_file(folder, cell), BroughtRecord)


def _folders(store: Store) -> list[Path]:
    return sorted(file.parent for file in (store.path / "provenance").glob("*/archive.json"))


def _archive(folder: Path) -> ArchiveRecord:
    file = folder / "archive.json"
    record = _read(file, ArchiveRecord)
    if record is None:
        raise StoreError(f"cannot read {file}: it was removed meanwhile")
    return record


def _read(file: Path, record: type[Record]) -> Record | None:
    try:
        return read_record(file, record)
    except DamagedError as error:
        # who brought what is known from here alone, so nothing may be guessed
        raise StoreError(
            f"{file} is damaged ({error.how}), so it is not known what an archive brought; put a copy "
            "of it back, or remove it with the cell that it is of"
        ) from error
