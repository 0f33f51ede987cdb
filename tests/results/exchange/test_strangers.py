"""A stranger's archive that is verified, trusted or taken out again."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.results.board.gather import NOT_VERIFIED
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.provenance import archive_of, origins
from ecgbench.results.exchange.undo import undo
from ecgbench.results.store.store import sha256
from tests.results.exchange.builders import Source
from tests.results.strangers import (
    ATTACKS,
    LEAK,
    LEVEL,
    better_rival,
    board_of,
    fill,
    our_store,
    plan,
    scored,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.results.board.table import Board, Row


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def ours(tmp_path: Path) -> Source:
    return our_store(tmp_path)


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    return Source(tmp_path / "theirs")


# --- verified, trusted, undone -----------------------------------------------------------------------


def rows(board: Board) -> dict[str, Row]:
    return {row.label: row for row in board.rows}


def test_what_is_verified_is_ranked_like_ours_and_marked(ours: Source, theirs: Source) -> None:
    better_rival(theirs)
    merge(ours.store, theirs.archive(), lambda store, cell: [])
    board = board_of(ours)
    assert shown(board) == {}
    assert board.seeds == (0, 1, 2, 3)
    assert rows(board)["rival"].ranks["fidelity"] == 1
    assert rows(board)["a"].ranks["fidelity"] == 2
    assert rows(board)["rival"].merged == "verified: 4 of 4 cells"


def test_a_row_of_which_some_cells_are_verified_says_how_many(ours: Source, theirs: Source) -> None:
    better_rival(theirs)
    outcomes = merge(ours.store, theirs.archive())
    archive = theirs.archive()
    undo(ours.store, sha256(archive.read_bytes()))

    def check(store: Any, cell: str) -> list[str]:
        return [] if "/seed-0-" in cell or "/seed-1-" in cell else ["it differs"]

    merge(ours.store, archive, check)
    merge(ours.store, archive)
    assert len([o for o in outcomes if o.what == "cell"]) == 9
    assert shown(board_of(ours)) == {"rival merged": "verified: 2 of 9 cells"}


def test_what_was_merged_is_verified_later(ours: Source, theirs: Source) -> None:
    better_rival(theirs)
    archive = theirs.archive()
    merge(ours.store, archive)
    asked: list[str] = []

    def check(store: Any, cell: str) -> list[str]:
        asked.append(cell)
        return []

    outcomes = merge(ours.store, archive, check)
    assert sum(outcome.verified for outcome in outcomes) == 9
    assert rows(board_of(ours))["rival"].ranks["fidelity"] == 1
    merge(ours.store, archive, check)
    assert len(asked) == 9  # what is verified is not verified again


def test_columns_that_only_an_archive_asks_for_rank_nobody(ours: Source, theirs: Source) -> None:
    extra = msgspec.structs.replace(LEVEL, settings={"bins": 9})
    record = scored(theirs, theirs.cell("rival"), 5.0)
    theirs.score(record, metric=extra, value=0.0)
    plan(theirs, [record], [LEVEL, LEAK, extra])
    merge(ours.store, theirs.archive(), lambda store, cell: [])
    board = board_of(ours)
    assert [m.ranked for m in board.metrics.values() if m.settings] == [False]


def test_a_trusted_archive_counts_as_ours(ours: Source, theirs: Source) -> None:
    better_rival(theirs)
    archive = theirs.archive()
    merge(ours.store, archive)
    merge(ours.store, archive, trust=True)
    found = rows(board_of(ours))["rival"]
    assert (found.merged, found.ranks["fidelity"]) == ("merged, trusted", 1)


def test_scores_made_anew_here_are_ours(ours: Source, theirs: Source) -> None:
    fill(theirs, {"c": 3.0}, range(4))
    merge(ours.store, theirs.archive())
    plans = plan(ours, [theirs.store.cell(n) for n in theirs.store.cell_names()])  # type: ignore[misc]
    for cell in plans.cells:
        record = ours.store.cell(cell.name)
        assert record is not None
        ours.store.write_cell(msgspec.structs.replace(record, finished="2026-11-29"))
        for score in ours.store.scores(cell.name):
            ours.store.write_score(msgspec.structs.replace(score, finished="2026-11-29"))
    board = board_of(ours)
    assert rows(board)["c"].ranks["fidelity"] == 3
    assert shown(board) == {}


@pytest.mark.parametrize("attack", ATTACKS)
def test_undo_takes_out_what_an_archive_brought(
    ours: Source, theirs: Source, attack: Callable[[Source], None]
) -> None:
    before = files(ours)
    attack(theirs)
    archive = theirs.archive()
    merge(ours.store, archive)
    assert files(ours) != before
    digest = sha256(archive.read_bytes())
    would = undo(ours.store, digest, dry=True)
    assert undo(ours.store, digest[:12]) == would
    assert {outcome.end for outcome in would} == {"removed"}
    assert files(ours) == before
    with pytest.raises(UsageError, match="has nothing of an archive"):
        undo(ours.store, digest)


def test_undo_leaves_what_was_made_anew_here(ours: Source, theirs: Source) -> None:
    fill(theirs, {"c": 3.0}, range(1))
    archive = theirs.archive()
    merge(ours.store, archive)
    (name,) = (n for n in ours.store.cell_names() if "/c/" in n)
    record = ours.store.cell(name)
    assert record is not None
    ours.store.write_cell(msgspec.structs.replace(record, finished="2026-11-29"))
    undo(ours.store, sha256(archive.read_bytes()))
    assert ours.store.cell(name) is not None
    assert ours.store.scores(name) == []
    assert [f.name for f in (ours.store.folder(name) / "artefacts").iterdir()] == ["training.csv"]


def files(source: Source) -> dict[str, bytes]:
    root = source.store.path
    return {f.relative_to(root).as_posix(): f.read_bytes() for f in root.rglob("*") if f.is_file()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_dry_run_tells_what_a_merge_does_and_changes_nothing(
    ours: Source, theirs: Source, attack: Callable[[Source], None]
) -> None:
    before = files(ours)
    attack(theirs)
    archive = theirs.archive()
    would = merge(ours.store, archive, dry=True)
    assert files(ours) == before
    assert merge(ours.store, archive) == would


def test_a_dry_run_makes_no_store(tmp_path: Path, theirs: Source) -> None:
    better_rival(theirs)
    empty = Source(tmp_path / "empty")
    assert merge(empty.store, theirs.archive(), dry=True)
    assert not empty.store.path.exists()


# --- at once -----------------------------------------------------------------------------------------


def test_merges_of_one_archive_at_once_leave_its_provenance_right(
    ours: Source, theirs: Source
) -> None:
    better_rival(theirs)
    archive = theirs.archive()
    context = multiprocessing.get_context("fork")
    at_once = [context.Process(target=merge, args=(ours.store, archive)) for _ in range(8)]
    for process in at_once:
        process.start()
    for process in at_once:
        process.join()
    assert [process.exitcode for process in at_once] == [0] * 8
    assert shown(board_of(ours)) == {"rival": NOT_VERIFIED}
    found = origins(ours.store)
    assert len(found.standings) == 9 * 3
    assert len(found.plans) == 1
    assert archive_of(ours.store, sha256(archive.read_bytes())) is not None
