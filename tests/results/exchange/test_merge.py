from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.contracts.errors import DataError, StoreError
from ecgbench.results.board.board import boards
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.npz import npz
from ecgbench.results.store.records import (
    CostsRecord,
)
from ecgbench.results.store.store import Store, sha256, write
from tests.results.conftest import installed
from tests.results.exchange.builders import (
    Source,
    contents,
    ends,
    metric,
)

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from ecgbench.results.exchange.merge import Check
    from ecgbench.results.exchange.outcome import Outcome

# --- what goes in -----------------------------------------------------------------------------------


def test_a_cell_that_is_absent_goes_in_whole_with_its_plan(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    score = theirs.score(record)
    plan = theirs.plan(record)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added"), ("plan", "added")]
    assert ours.store.cell(record.cell.name) == record
    assert ours.store.scores(record.cell.name) == [score]
    assert ours.store.damage(record.cell.name) is None
    assert ours.store.plans() == []
    assert origins(ours.store).plans == [plan]
    (board,) = boards(ours.store, installed(plan.metrics))
    assert board.rows[0].scores["level"].value == 1.5
    there, here = contents(theirs.store.path / "cells"), contents(ours.store.path / "cells")
    assert here == there


def test_every_file_of_a_cell_is_on_the_disk_before_it_stands_in_its_place(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.score(theirs.cell())
    archive = theirs.archive()
    on_disk: set[Path] = set()
    in_place: list[Path] = []
    rename = type(archive).rename

    def renamed(source: Path, target: Path) -> Path:
        in_place.extend((source, *source.rglob("*")))
        assert on_disk.issuperset(in_place)
        return rename(source, target)

    monkeypatch.setattr(
        "ecgbench.results.exchange.merge.sync_below",
        lambda folder: on_disk.update(folder.rglob("*")),
    )
    monkeypatch.setattr(type(archive), "rename", renamed)
    assert ends(merge(ours.store, archive)) == [("cell", "added")]
    assert len(in_place) > 5


def test_the_places_of_cells_are_on_the_disk_when_a_merge_ends(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = theirs.cell().cell.name
    on_disk: list[Path] = []
    monkeypatch.setattr("ecgbench.results.exchange.merge.sync", on_disk.append)
    merge(ours.store, theirs.archive())
    assert on_disk == sorted(ours.store.folder(name).parents[:3])


def test_a_second_merge_finds_everything_here_and_changes_nothing(
    theirs: Source, ours: Source
) -> None:
    record = theirs.cell()
    theirs.score(record)
    theirs.plan(record)
    merge(ours.store, theirs.archive())
    before = contents(ours.store.path)
    written = {file: file.stat().st_ino for file in ours.store.path.rglob("*.*")}
    outcomes = merge(ours.store, theirs.archive())
    assert {file: file.stat().st_ino for file in ours.store.path.rglob("*.*")} == written
    assert {end for _, end in ends(outcomes)} == {"already here"}
    assert [outcome.what for outcome in outcomes] == ["cell", "score", "plan"]
    assert contents(ours.store.path) == before


def test_skipped_and_failed_cells_and_scores_go_in_too(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    theirs.score(record, status="skipped", value=None, reason="it does not apply")
    theirs.cell("other", status="failed", reason="no")
    theirs.cell("third", status="skipped", reason="no", costs=None)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")] * 3


def test_a_reference_row_goes_in_with_the_places_of_its_windows(
    theirs: Source, ours: Source
) -> None:
    file = npz({"labels": np.array([0, 1]), "indices": np.array([7, 9])})
    reference = theirs.cell("real", reference=True, stored=False, synthetic_file=sha256(file))
    write(theirs.store.folder(reference.cell.name) / "synthetic.npz", file)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")]


def test_a_cell_without_its_windows_goes_in(theirs: Source, ours: Source) -> None:
    theirs.cell(stored=False, synthetic_file="")
    assert ends(merge(ours.store, theirs.archive(without="synthetic.npz"))) == [("cell", "added")]


def test_scores_that_a_cell_lacks_are_added_with_their_artefacts(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    old = ours.score(mine)
    record = theirs.cell()
    theirs.score(record)
    added = theirs.score(record, "spread")
    assert ends(merge(ours.store, theirs.archive())) == [
        ("cell", "already here"),
        ("score", "already here"),
        ("score", "added"),
    ]
    assert ours.store.scores(mine.cell.name) == [old, added]
    assert ours.store.damage(mine.cell.name) is None


def test_what_a_run_that_did_not_end_has_left_is_set_aside(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    left = ours.store.folder(record.cell.name) / "checkpoint" / "all" / "step"
    write(left, b"7")
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")]
    assert not left.exists()
    assert [f.read_bytes() for f in (ours.store.path / "damaged").rglob("step")] == [b"7"]


def test_a_plan_is_cut_to_the_cells_that_are_here(theirs: Source, ours: Source) -> None:
    good, bad = theirs.cell(), theirs.cell("other")
    theirs.plan(good, bad)
    folder = theirs.store.folder(bad.cell.name)
    (folder / "cell.json").write_bytes(b"{}")
    assert ends(merge(ours.store, theirs.archive())) == [
        ("cell", "added"),
        ("cell", "refused"),
        ("plan", "added"),
    ]
    (plan,) = origins(ours.store).plans
    assert [cell.name for cell in plan.cells] == [good.cell.name]
    assert [generator.name for generator in plan.generators] == ["jitter"]


def test_of_a_bad_archive_nothing_goes_in(theirs: Source, ours: Source) -> None:
    theirs.cell()
    file = theirs.archive()
    file.write_bytes(file.read_bytes().replace(b"step\n1\n", b"step\n2\n")[:-1])
    with pytest.raises(StoreError, match=r"archive .*theirs\.zip"):
        merge(ours.store, file)
    assert not ours.store.path.exists()


def merge_once(store: Path, file: Path, ready: Barrier) -> None:
    ready.wait()
    merge(Store(store), file)


def test_two_merges_of_one_archive_at_once_leave_one_plan(theirs: Source, ours: Source) -> None:
    plan = theirs.plan(*(theirs.cell(generator) for generator in "abcdefgh"))
    file = theirs.archive()
    processes = multiprocessing.get_context("fork")
    ready = processes.Barrier(2)
    merges = [
        processes.Process(target=merge_once, args=(ours.store.path, file, ready)) for _ in range(2)
    ]
    for process in merges:
        process.start()
    for process in merges:
        process.join()
    assert [process.exitcode for process in merges] == [0, 0]
    assert sorted(ours.store.cell_names()) == sorted(cell.name for cell in plan.cells)
    assert origins(ours.store).plans == [plan]


# --- conflicts --------------------------------------------------------------------------------------


def only_conflict(theirs: Source, ours: Source) -> Outcome:
    """Merge; see that nothing of ours has changed; return the one conflict."""
    before = contents(ours.store.path / "cells")
    outcomes = merge(ours.store, theirs.archive())
    assert contents(ours.store.path / "cells") == before
    (conflict,) = (outcome for outcome in outcomes if outcome.end == "conflict")
    return conflict


def test_other_windows_under_one_name_are_a_conflict(theirs: Source, ours: Source) -> None:
    mine, record = ours.cell(shift=1), theirs.cell()
    conflict = only_conflict(theirs, ours)
    assert conflict.what == "cell"
    assert mine.synthetic[:12] in conflict.ours
    assert record.synthetic[:12] in conflict.theirs
    assert str(ours.store.folder(mine.cell.name)) in conflict.reason


def test_ours_that_failed_and_theirs_that_ended_well_are_a_conflict_with_a_way_out(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell(status="failed", reason="no memory")
    theirs.cell()
    conflict = only_conflict(theirs, ours)
    assert conflict.ours == "failed: no memory"
    assert f"remove {ours.store.folder(mine.cell.name)}" in conflict.reason


@pytest.mark.parametrize("fields", [{"value": 2.0}, {"status": "failed", "value": None}])
def test_another_score_of_the_same_windows_is_a_conflict(
    theirs: Source, ours: Source, fields: dict[str, Any]
) -> None:
    ours.score(ours.cell())
    theirs.score(theirs.cell(), **fields)
    conflict = only_conflict(theirs, ours)
    assert conflict.what == "score"
    assert conflict.metric == f"level-{metric().key}"
    assert conflict.ours == "1.5"


def test_what_the_same_windows_cost_is_no_conflict_and_ours_stays(
    theirs: Source, ours: Source
) -> None:
    cost = metric("fit-seconds", family="cost")
    ours.score(ours.cell(), name="fit-seconds", metric=cost)
    theirs.score(theirs.cell(), name="fit-seconds", metric=cost, value=2.0)
    before = contents(ours.store.path / "cells")
    outcomes = merge(ours.store, theirs.archive())
    assert {end for _, end in ends(outcomes)} == {"already here"}
    assert contents(ours.store.path / "cells") == before


def test_what_their_run_cost_is_not_put_beside_our_costs(theirs: Source, ours: Source) -> None:
    costs = CostsRecord(fit_seconds=9.0, sample_seconds=0.1, cpu_seconds=1.0, peak_memory=9)
    ours.cell()
    theirs.score(
        theirs.cell(costs=costs), name="fit-seconds", metric=metric("fit-seconds", family="cost")
    )
    assert "their run cost" in only_conflict(theirs, ours).reason


def test_a_score_whose_artefact_would_overwrite_ours_is_a_conflict(
    theirs: Source, ours: Source
) -> None:
    ours.store.write_artefact(ours.cell().cell.name, "level-note.txt", b"another note")
    theirs.score(theirs.cell())
    assert "is here with other content" in only_conflict(theirs, ours).reason


def test_a_cell_or_score_of_ours_that_is_damaged_is_a_conflict(
    theirs: Source, ours: Source
) -> None:
    mine, record = ours.cell(), theirs.cell()
    theirs.score(record)
    ours.score(mine)
    file = ours.store.score_file(mine.cell.name, metric())
    file.write_bytes(b"{}")
    assert only_conflict(theirs, ours).ours == "damaged"
    (ours.store.folder(mine.cell.name) / "cell.json").write_bytes(b"{}")
    assert only_conflict(theirs, ours).what == "cell"


def test_a_cell_that_a_run_is_working_on_is_left(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    with Leases(ours.store.path) as leases:
        assert leases.take(record.cell.name) is not None
        conflict = only_conflict(theirs, ours)
    assert "a run, or another merge, is working on it" in conflict.reason
    assert ours.store.cell(record.cell.name) is None


# --- the check --------------------------------------------------------------------------------------


def check_with(answer: list[str] | Exception, asked: list[str]) -> Check:
    def check(store: Store, cell: str) -> list[str]:
        assert store.cell(cell) is not None
        asked.append(cell)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return check


def test_the_check_sees_each_cell_before_it_goes_in(theirs: Source, ours: Source) -> None:
    names = [theirs.cell(generator).cell.name for generator in ("a", "b")]
    asked: list[str] = []
    outcomes = merge(ours.store, theirs.archive(), check_with([], asked))
    assert asked == names
    assert ends(outcomes) == [("cell", "added")] * 2


@pytest.mark.parametrize("answer", [["level differs"], DataError("level differs")])
def test_a_cell_that_does_not_stand_the_check_is_refused(
    theirs: Source, ours: Source, answer: list[str] | Exception
) -> None:
    theirs.cell()
    (outcome,) = merge(ours.store, theirs.archive(), check_with(answer, []))
    assert (outcome.end, outcome.reason) == ("refused", "level differs")
    assert not list(ours.store.cell_names())
    assert not list((ours.store.path / "provenance").glob("*"))


def test_scores_of_a_cell_that_is_here_are_checked_before_they_are_added(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    theirs.score(theirs.cell())
    (outcome,) = merge(ours.store, theirs.archive(), check_with(["it differs"], []))
    assert (outcome.what, outcome.end) == ("cell", "refused")
    assert not ours.store.scores(mine.cell.name)


def test_what_is_here_is_not_checked(theirs: Source, ours: Source) -> None:
    ours.cell()
    theirs.cell()
    asked: list[str] = []
    merge(ours.store, theirs.archive(), check_with([], asked))
    assert not asked


def test_nothing_is_left_when_a_check_breaks(theirs: Source, ours: Source) -> None:
    theirs.cell()
    with pytest.raises(ZeroDivisionError):
        merge(ours.store, theirs.archive(), lambda store, cell: [str(1 // 0)])
