"""What a stranger's archive may do to a board: it is shown, marked, and changes nothing of ours."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.results.board.board import boards
from ecgbench.results.board.compare import compare
from ecgbench.results.board.gather import MAX_STRANGE, NOT_VERIFIED
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.provenance import archive_of, origins
from ecgbench.results.exchange.undo import undo
from ecgbench.results.render import render
from ecgbench.results.render.text import name
from ecgbench.results.store.records import (
    ContributionsRecord,
    GeneratorRecord,
    PlannedCell,
    PlanRecord,
)
from ecgbench.results.store.store import sha256
from tests.results.conftest import installed
from tests.results.exchange.builders import DATASET, PLUGIN, Source, metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.results.board.table import Board, Row
    from ecgbench.results.store.records import CellRecord, MetricRecord

LEVEL, LEAK = metric(), metric("leak", family="privacy", null=0.5, bounds=(0.0, 1.0))
KNOWN = installed([LEVEL, LEAK])


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def by_person(mean: float, seed: int, of: int = 20) -> ContributionsRecord:
    values = np.random.default_rng([3, seed]).normal(mean, 0.3, size=of)
    values += mean - values.mean()
    return ContributionsRecord(
        people=list(range(of)),
        numerators=[[value] for value in values.tolist()],
        denominators=[[1.0]] * of,
        coefficients=[1.0],
        offset=0.0,
    )


def fill(source: Source, values: dict[str, float], seeds: range, **how: Any) -> None:
    """Write cells of these generators, scored by `LEVEL` and `LEAK`, and their plan."""
    records = [
        scored(source, source.cell(generator, seed), value)
        for generator, value in values.items()
        for seed in seeds
    ]
    plan(source, records, **how)


def scored(source: Source, record: CellRecord, value: float) -> CellRecord:
    for each, of in ((LEVEL, value), (LEAK, 0.5 + value / 20)):
        contributions = by_person(of, record.cell.seed)
        source.score(record, each.name, metric=each, value=of, contributions=contributions)
    return record


def plan(
    source: Source,
    records: list[CellRecord],
    metrics: list[MetricRecord] | None = None,
    **of_generators: Any,
) -> PlanRecord:
    names = list(dict.fromkeys(record.cell.generator.name for record in records))
    made = PlanRecord(
        protocol=1,
        study="quick",
        settings={},
        datasets=[DATASET],
        generators=[GeneratorRecord(name=n, **PLUGIN | of_generators.get(n, {})) for n in names],
        metrics=[LEVEL, LEAK] if metrics is None else metrics,
        cells=[
            PlannedCell(
                name=record.cell.name,
                dataset=0,
                generator=names.index(record.cell.generator.name),
                seed=record.cell.seed,
            )
            for record in records
        ],
    )
    source.store.write_plan(made)
    return made


@pytest.fixture
def ours(tmp_path: Path) -> Source:
    source = Source(tmp_path / "ours")
    fill(source, {"a": 1.0, "b": 2.0, "real": 0.1}, range(4), real={"reference": True})
    return source


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    return Source(tmp_path / "theirs")


def board_of(source: Source) -> Board:
    (found,) = boards(source.store, KNOWN)
    return found


def told(board: Board) -> list[Any]:
    """All that a board says of the rows that count."""
    rows = [
        (
            row.label,
            row.ranks,
            row.merged,
            row.left_out,
            {k: row.scores[k] for k in ("level", "leak")},
        )
        for row in board.rows
        if row.counts
    ]
    return [rows, board.seeds, board.people, board.front]


def shown(board: Board) -> dict[str, str]:
    return {row.label: row.merged for row in board.shown}


# --- whatever comes ----------------------------------------------------------------------------------


def better_rival(theirs: Source) -> None:
    fill(theirs, {"rival": 0.0}, range(9))


def failed_cells_of_ours(theirs: Source) -> None:
    plan(theirs, [theirs.cell("b", s, status="failed", reason="no") for s in range(4, 14)])


def more_seeds_of_ours(theirs: Source) -> None:
    fill(theirs, {"b": 0.0}, range(4, 9))


def flipped(theirs: Source) -> None:
    lies = [
        msgspec.structs.replace(LEVEL, better="higher", family="cost", bounds=(0.0, 0.0)),
        msgspec.structs.replace(LEAK, ranked=False, null=0.9, needs_both_folds=True),
    ]
    record = scored(theirs, theirs.cell("rival"), 0.0)
    plan(theirs, [record], lies * 30, rival={"reference": True})


def ours_is_a_reference_row(theirs: Source) -> None:
    fill(theirs, {"b": 2.0, "a": 1.0}, range(4), b={"reference": True})


def version_999(theirs: Source) -> None:
    newer = msgspec.structs.replace(LEVEL, version=999)
    record = theirs.cell("b")
    theirs.score(record, metric=newer, value=0.0)
    plan(theirs, [record], [newer])


def made_up_metrics(theirs: Source) -> None:
    record = theirs.cell("b")
    made_up = [metric(f"mine-{number}", family="utility") for number in range(48)]
    for each in made_up:
        theirs.score(record, each.name, metric=each, value=0.0)
    plan(theirs, [record], made_up)


def scores_that_ours_lack(theirs: Source) -> None:
    extra = msgspec.structs.replace(LEVEL, settings={"bins": 9})
    record = theirs.cell("b")
    theirs.score(record, metric=extra, value=0.0)
    plan(theirs, [record], [extra])


def people_whom_nobody_has(theirs: Source) -> None:
    record = theirs.cell("rival")
    theirs.score(record, value=0.0, metric=LEVEL, contributions=by_person(0.0, 0, of=900))
    plan(theirs, [record])


def another_version_of_a_generator(theirs: Source) -> None:
    record = theirs.cell("b")
    newer = msgspec.structs.replace(record.cell.generator, version=2)
    cell = msgspec.structs.replace(record.cell, generator=newer)
    other = msgspec.structs.replace(record, cell=cell)
    theirs.store.folder(record.cell.name).rename(theirs.store.folder(other.cell.name))
    theirs.store.write_cell(other)
    scored(theirs, other, 0.0)
    plan(theirs, [other], b={"version": 2})


def a_seed_that_nobody_has(theirs: Source) -> None:
    plan(theirs, [theirs.cell("b", seed=2**63 - 1)])


ATTACKS: list[Callable[[Source], None]] = [
    *(better_rival, failed_cells_of_ours, more_seeds_of_ours, flipped, ours_is_a_reference_row),
    *(version_999, made_up_metrics, scores_that_ours_lack, people_whom_nobody_has),
    *(another_version_of_a_generator, a_seed_that_nobody_has),
]


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
