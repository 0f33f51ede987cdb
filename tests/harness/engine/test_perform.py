from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.harness.engine.endings import record_end
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.board import boards

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


def test_a_failure_never_takes_the_place_of_a_finished_cell(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    task = bench.task(bench.plan().cells[0], metrics=tuple(bench.plan().record.metrics))
    before = bench.cell()
    record_end(bench.store, task, "failed", "the workers it was given to died")
    assert bench.cell() == before
    found = bench.scores()
    assert (found["level"].status, found["spread"].status) == ("ok", "failed")
    assert found["spread"].reason == "the workers it was given to died"


def test_a_failure_at_one_score_leaves_the_others_to_be_done(bench: Bench) -> None:
    study = bench.study(metrics=("never",))
    bench.work(study)
    metrics = tuple(bench.plan(bench.study()).record.metrics)
    task = bench.task(bench.plan().cells[0], metrics=metrics)
    record_end(bench.store, task, "failed", "killed", "score level", seconds=2.0)
    assert set(bench.scores()) == {"never", "level"}
    assert bench.scores()["level"].seconds == 2.0


def test_plugins_that_are_not_those_of_the_plan_end_the_run_and_fail_nothing(bench: Bench) -> None:
    file = bench.folder / "good.py"
    file.write_text(bench.files[0].read_text())
    bench.files = (file, *bench.files[1:])
    task = bench.task(bench.plan().cells[0])
    file.write_text(file.read_text() + "\n# edited\n")
    with pytest.raises(
        StoreError, match=r"is from good.py .* when the run was planned: start again"
    ):
        perform(task, lambda _: None)
    assert bench.store.cell(task.cell.name) is None


def test_windows_that_have_gone_from_the_cache_end_the_run_and_fail_nothing(bench: Bench) -> None:
    task = replace(bench.task(bench.plan().cells[0]), windows=bench.folder / "gone")
    with pytest.raises(StoreError, match=r"gone is damaged .*the next run reads the dataset again"):
        perform(task, lambda _: None)
    assert bench.store.cell(task.cell.name) is None


def test_a_score_of_other_windows_is_computed_again(bench: Bench) -> None:
    bench.work()
    bench.store.write_plan(bench.plan().record)
    cell, true = bench.plan().cells[0].id.name, bench.scores()["spread"]
    bench.store.write_score(msgspec.structs.replace(true, synthetic="f" * 64, value=9.0))
    assert [metric.name for metric in bench.plan().cells[0].missing] == ["spread"]
    (board,) = boards(bench.store, facts(bench.catalog))
    assert board.rows[0].scores["spread"].status == "todo"
    bench.forget_trace()
    bench.work()
    assert bench.trace == ["score spread"]
    assert bench.scores()["spread"].value == true.value
    assert bench.store.damage(cell) is None


def test_a_score_of_withheld_windows_that_come_out_otherwise_is_skipped(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    record, level = bench.cell(), bench.scores()["level"]
    other = msgspec.structs.replace(record, stored=False, synthetic_file="", synthetic="e" * 64)
    bench.store.write_cell(other)
    bench.store.write_score(msgspec.structs.replace(level, synthetic="e" * 64))
    bench.work()
    found = bench.scores()
    assert (found["level"].status, found["spread"].status) == ("ok", "skipped")
    assert "made again they come out otherwise" in found["spread"].reason
    assert bench.cell() == other
