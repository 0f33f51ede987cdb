"""Notes of the origin of a store's cells, scores and plans: made here, or merged from an archive.

``provenance/<digits>/`` is of one archive, by the first 12 digits of its SHA-256: ``archive.json`` says
who made it, ``cells/<cell>.json`` lists its records of a cell, ``plans/`` holds its plans.  Each file is
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
"""Digits of an archive's SHA-256 in the name of its notes."""


class ArchiveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``archive.json``: a merged archive.

    Attributes:
        who: the maker, in their own words.
        when: the time of the export, UTC, ISO 8601.
        merged: the time of the first merge, UTC, ISO 8601.
        environment: of the maker's machine.
        archive: its SHA-256.
        trusted: whether its results count like results made here, by the user's word.
    """

    schema: int = SCHEMA
    who: str
    when: str
    merged: str
    environment: Environment
    archive: str
    trusted: bool = False


class BroughtRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``cells/<cell>.json``: an archive's records of a cell.

    Attributes:
        cell: its name.
        files: seals of the records, by path below the cell's folder.
        verified: paths of the records with equal results in a repetition here.
    """

    schema: int = SCHEMA
    cell: str
    files: dict[str, str]
    verified: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True)
class Origins:
    """The results of a store from elsewhere.

    Attributes:
        standings: of the records of archives, by seal.
        cells: names of the cells with all records of archives verified.
        plans: of archives without trust.
        trusted_plans: of archives with trust.
    """

    standings: dict[str, Standing] = field(default_factory=dict)
    cells: set[str] = field(default_factory=set)
    plans: list[PlanRecord] = field(default_factory=list)
    trusted_plans: list[PlanRecord] = field(default_factory=list)

    def of(self, *seals: str) -> Standing | None:
        """Return the lowest standing of records; None if all were made here."""
        if not self.standings:
            return None
        standings = {self.standings.get(seal) for seal in seals}
        return next((s for s in get_args(Standing) if s in standings), None)


def origins(store: Store) -> Origins:
    """Read the notes of a store's results from elsewhere.

    Raises:
        StoreError: a note cannot be read, or is damaged.
    """
    origin = Origins()
    unverified: set[str] = set()
    for folder in _folders(store):
        trusted = _archive(folder).trusted
        for file in sorted(folder.glob("cells/*/*/*.json")):
            if (brought := _read(file, BroughtRecord)) is None:
                continue
            origin.cells.add(brought.cell)
            if brought.files.keys() - set(brought.verified):
                unverified.add(brought.cell)
            for path, seal in brought.files.items():
                unproven: Standing = "trusted" if trusted else "merged"
                standing = "verified" if path in brought.verified else unproven
                if origin.standings.get(seal, "merged") == "merged":
                    origin.standings[seal] = standing
        for file in sorted(folder.glob("plans/*/*.json")):
            if (plan := _read(file, PlanRecord)) is not None:
                (origin.trusted_plans if trusted else origin.plans).append(plan)
    origin.cells.difference_update(unverified)
    return origin


def provenance(store: Store, cell: str) -> list[ArchiveRecord]:
    """Return the archives behind a cell or its scores; none if all were made here.

    Raises:
        StoreError: a record of provenance cannot be read.
    """
    archives = []
    for folder in _folders(store):
        brought = brought_of(folder, cell)
        if brought is not None and left(store, brought):
            archives.append(_archive(folder))
    return archives


def unverified(store: Store, cells: Iterable[str]) -> dict[str, str]:
    """Return the cells with records of archives, neither verified nor trusted.

    Returns:
        the first 12 digits of such an archive's SHA-256, by the cell's name.

    Raises:
        StoreError: a note or a record cannot be read.
    """
    standings = origins(store).standings
    merged = {seal for seal, standing in standings.items() if standing == "merged"}
    archives: dict[str, str] = {}
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
    """Return an archive's records of a cell, as far as the store still holds them, by seal."""
    folder = store.folder(brought.cell)
    return [path for path, seal in brought.files.items() if _seal(folder / path) == seal]


def _seal(file: Path) -> str | None:
    """Return the seal of a record; None if it is not there."""
    content = content_of(file)
    return None if content is None else seal_of(content)


def folder_of(store: Store, digest: str) -> Path:
    """Return the folder of an archive's notes."""
    return store.path / "provenance" / digest[:DIGITS]


def archive_of(store: Store, digest: str) -> ArchiveRecord | None:
    """Return the note of an archive, by the first digits of its SHA-256; None if it was not merged.

    Raises:
        StoreError: the note is damaged, or another archive has the same 12 digits.
    """
    folder = folder_of(store, digest)
    if not (folder / "archive.json").exists():
        return None
    record = _archive(folder)
    if not record.archive.startswith(digest):
        raise StoreError(f"{folder} is of another archive, {record.archive}")
    return record


def note_file(folder: Path, cell: str) -> Path:
    """Return the file for an archive's records of a cell, in the folder of its notes."""
    return folder / "cells" / f"{cell}.json"


def brought_of(folder: Path, cell: str) -> BroughtRecord | None:
    """Return an archive's records of a cell, from the folder of its notes; None for no record."""
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
        # no other file knows the origin of results, and a guess may be wrong
        raise StoreError(
            f"{file} is damaged ({error.how}), so it is not known what an archive brought; put a copy "
            "of it back, or remove it with its cell"
        ) from error
