from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.results.board.board import boards
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.provenance import BroughtRecord, brought_of, provenance
from ecgbench.results.store.records import (
    seal_of,
)
from ecgbench.results.store.store import sha256
from tests.results.conftest import installed
from tests.results.exchange.builders import (
    Source,
    metric,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_known_which_archive_a_cell_came_from(theirs: Source, ours: Source) -> None:
    mine, record = ours.cell("mine"), theirs.cell()
    archive = theirs.archive()
    merge(ours.store, archive)
    (found,) = provenance(ours.store, record.cell.name)
    assert (found.who, found.when) == ("a stranger", "2026-01-01")
    assert found.environment == {"python": "3.11"}
    assert found.archive == sha256(archive.read_bytes())
    (folder,) = (ours.store.path / "provenance").iterdir()
    seal = seal_of((ours.store.folder(record.cell.name) / "cell.json").read_bytes())
    brought = BroughtRecord(cell=record.cell.name, files={"cell.json": seal})
    assert brought_of(folder, record.cell.name) == brought
    assert brought_of(folder, mine.cell.name) is None
    assert provenance(ours.store, mine.cell.name) == []
    assert provenance(ours.store, "none/none/seed-0-000000000000") == []


def test_a_cell_to_which_an_archive_added_a_score_came_from_it_too(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    theirs.score(theirs.cell())
    merge(ours.store, theirs.archive())
    assert len(provenance(ours.store, mine.cell.name)) == 1


def test_a_cell_that_was_here_did_not_come_from_the_archive(theirs: Source, ours: Source) -> None:
    mine = ours.cell()
    ours.score(mine)
    theirs.score(theirs.cell())
    merge(ours.store, theirs.archive())
    assert provenance(ours.store, mine.cell.name) == []
    assert not (ours.store.path / "provenance").exists()


def test_a_cell_made_anew_here_did_not_come_from_the_archive(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    merge(ours.store, theirs.archive())
    ours.store.forget(record.cell)
    ours.cell(shift=1)
    assert provenance(ours.store, record.cell.name) == []


def test_a_merge_that_is_killed_has_noted_what_it_was_taking_in(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [theirs.cell(generator).cell.name for generator in ("a", "b")]
    rename, killed = os.rename, KeyboardInterrupt()

    def first_only(self: Path, target: Path) -> None:
        if (
            "incoming" in str(self)
            and target.parent.parent.joinpath("a").exists()
            and "/b/" in str(self)
        ):
            raise killed
        rename(self, target)

    monkeypatch.setattr("pathlib.Path.rename", first_only)
    with pytest.raises(KeyboardInterrupt):
        merge(ours.store, theirs.archive())
    assert list(ours.store.cell_names()) == names[:1]
    assert len(provenance(ours.store, names[0])) == 1


def test_what_an_archive_brings_later_is_added_to_what_it_brought(
    theirs: Source, ours: Source
) -> None:
    first, second = theirs.cell("a"), theirs.cell("b")
    ours.cell("b", shift=1)
    archive = theirs.archive()
    merge(ours.store, archive)
    ours.store.folder(second.cell.name).rename(ours.store.path / "removed")
    merge(ours.store, archive)
    assert provenance(ours.store, first.cell.name) == provenance(ours.store, second.cell.name)
    assert len(provenance(ours.store, second.cell.name)) == 1


def test_a_provenance_that_is_not_what_was_written_is_told(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    merge(ours.store, theirs.archive())
    for file in (ours.store.path / "provenance").rglob("*.json"):
        sound = file.read_bytes()
        file.write_bytes(sound.replace(b"a", b"b", 1))
        with pytest.raises(StoreError, match="it is not known what an archive brought"):
            provenance(ours.store, record.cell.name)
        with pytest.raises(StoreError, match="it is not known what an archive brought"):
            boards(ours.store, installed([metric()]))
        file.write_bytes(sound)
