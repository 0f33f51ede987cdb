"""What a stranger's archive may do to a board: it is shown, marked, and changes nothing of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecgbench.results.board.columns import MAX_STRANGE
from ecgbench.results.board.compare import compare
from ecgbench.results.board.gather import NOT_VERIFIED
from ecgbench.results.exchange.merge import merge
from ecgbench.results.render import render
from ecgbench.results.render.text import name
from tests.results.exchange.builders import Source
from tests.results.strangers import (
    ATTACKS,
    KNOWN,
    better_rival,
    board_of,
    failed_cells_of_ours,
    fill,
    made_up_metrics,
    our_store,
    plan,
    scored,
    shown,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def ours(tmp_path: Path) -> Source:
    return our_store(tmp_path)


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    return Source(tmp_path / "theirs")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_archive_changes_what_a_board_says_of_ours(
    ours: Source, theirs: Source, attack: Callable[[Source], None]
) -> None:
    before = told(board_of(ours))
    attack(theirs)
    outcomes = merge(ours.store, theirs.archive())
    assert any(outcome.end == "added" for outcome in outcomes)
    board = board_of(ours)
    assert told(board) == before
    for form in ("markdown", "csv", "json", "latex"):
        assert (NOT_VERIFIED in render([board], form)) == bool(board.shown)


def test_all_of_them_together_change_nothing_either(ours: Source, tmp_path: Path) -> None:
    before = told(board_of(ours))
    for number, attack in enumerate(ATTACKS):
        theirs = Source(tmp_path / f"theirs-{number}")
        attack(theirs)
        merge(ours.store, theirs.archive())
    assert told(board_of(ours)) == before


# --- how it is shown ---------------------------------------------------------------------------------


def test_a_row_that_nobody_verified_is_shown_and_marked_and_has_no_rank(
    ours: Source, theirs: Source
) -> None:
    better_rival(theirs)
    merge(ours.store, theirs.archive())
    board = board_of(ours)
    (row,) = board.shown
    assert (row.label, row.merged, row.ranks) == ("rival", NOT_VERIFIED, {})
    assert row.scores["level"].value == 0.0
    assert row.scores["level"].rank is None
    assert name(row) == "rival (merged, not verified)"
    assert board.rows[-1] is row
    assert row not in (*board.competitors, *board.references)


def test_what_was_brought_of_a_row_of_ours_stands_beside_it(ours: Source, theirs: Source) -> None:
    failed_cells_of_ours(theirs)
    merge(ours.store, theirs.archive())
    assert shown(board_of(ours)) == {"b merged": NOT_VERIFIED}


def test_an_archive_of_what_is_here_adds_no_row(ours: Source) -> None:
    archive = ours.archive()
    assert {outcome.end for outcome in merge(ours.store, archive)} == {"already here"}
    assert shown(board_of(ours)) == {}


def test_of_the_metrics_that_are_not_installed_some_are_shown(ours: Source, theirs: Source) -> None:
    made_up_metrics(theirs)
    merge(ours.store, theirs.archive())
    board = board_of(ours)
    assert len(board.metrics) == 2 + MAX_STRANGE
    assert not any(m.ranked for label, m in board.metrics.items() if label.startswith("mine"))


def test_a_cell_that_our_run_asked_for_and_an_archive_brought_is_still_to_do(
    ours: Source, theirs: Source
) -> None:
    record = scored(theirs, theirs.cell("c"), 0.0)
    plan(theirs, [record])
    merge(ours.store, theirs.archive())
    plan(ours, [record])
    board = board_of(ours)
    (row,) = [row for row in board.competitors if row.label == "c"]
    assert row.scores["level"].status == "todo"
    assert NOT_VERIFIED in row.scores["level"].reason
    assert shown(board) == {"c merged": NOT_VERIFIED}


def test_a_store_that_holds_nothing_of_ours_shows_theirs(tmp_path: Path, theirs: Source) -> None:
    fill(theirs, {"a": 1.0, "b": 2.0}, range(4))
    empty = Source(tmp_path / "empty")
    merge(empty.store, theirs.archive())
    board = board_of(empty)
    assert shown(board) == dict.fromkeys("ab", NOT_VERIFIED)
    assert board.seeds == (0, 1, 2, 3)
    assert all(row.scores["level"].low is not None for row in board.rows)
    assert all(row.ranks == {} for row in board.rows)


def test_two_rows_are_compared_though_nobody_verified_one_and_it_is_said(
    ours: Source, theirs: Source
) -> None:
    better_rival(theirs)
    merge(ours.store, theirs.archive())
    (found,), _ = compare(ours.store, "a", "rival", KNOWN)
    assert [row.merged for row in found.board.rows] == ["", NOT_VERIFIED]
    assert found.findings["level"].difference == pytest.approx(1.0)
