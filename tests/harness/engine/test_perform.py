from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.harness.cell.messages import (
    CellEnded,
    CellMade,
    Drawn,
    FitWanted,
    ScoreEnded,
    ScoreMade,
    SetAside,
)
from ecgbench.harness.engine.account import WORDLESS
from ecgbench.harness.engine.endings import record_end
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.board import boards
from ecgbench.results.store.npz import npz
from ecgbench.results.store.progress import Stage, Step
from ecgbench.results.store.records import CostsRecord
from tests.harness.conftest import bad, call_here, curve, folder, stored
from tests.harness.engine.conftest import scored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

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


# --- what is finished is not done again ------------------------------------------------------------


def test_a_finished_cell_is_not_run_again(bench: Bench) -> None:
    bench.work()
    bench.forget_trace()
    assert bench.work() == []
    assert bench.trace == []


def test_another_metric_is_scored_without_fitting_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    before = (folder(bench) / "synthetic.npz").read_bytes()
    bench.forget_trace()
    sent = bench.work()
    assert bench.trace == ["score spread"]
    assert Stage("fit") not in sent
    assert (folder(bench) / "synthetic.npz").read_bytes() == before
    assert bench.scores()["spread"].synthetic == bench.cell().synthetic


def test_a_score_is_the_same_whether_the_windows_come_from_the_fit_or_from_the_store(
    bench: Bench,
) -> None:
    bench.work(bench.study(metrics=("level",)))
    bench.work()
    from_store = bench.scores()["spread"].value
    bench.store_name = "other"
    bench.work()
    assert bench.scores()["spread"].value == from_store


def test_a_score_that_another_process_has_finished_meanwhile_is_not_computed_again(
    bench: Bench,
) -> None:
    (cell,) = bench.plan().todo
    bench.perform(cell, metrics=cell.missing[:1])
    bench.forget_trace()
    bench.perform(cell)
    assert bench.trace == ["score spread"]


def test_a_fast_fit_tells_of_its_first_and_last_step_and_not_of_each(bench: Bench) -> None:
    study = bench.study(generator={"jitter": {"steps": 500}})
    steps = [m.step for m in bench.work(study) if isinstance(m, Step)]
    assert (steps[0], steps[-1]) == (1, 500)
    assert len(steps) < 250
    assert len(curve(bench, study)) == 500


def test_a_failed_cell_starts_afresh_when_it_is_retried(bench: Bench) -> None:
    bench.work(bad(bench, "raises"))
    assert bench.work(bad(bench, "raises")) == []
    sent = bench.work(bad(bench, "raises"), retry_failed=True)
    assert isinstance(sent[-1], CellEnded)
    assert sent[-1].status == "failed"


def test_a_failed_score_alone_is_computed_again_when_it_is_retried(bench: Bench) -> None:
    study = scored(bench, "raises", metrics=("bad-a", "spread"))
    bench.work(study)
    bench.forget_trace()
    assert bench.work(study) == []
    sent = bench.work(study, retry_failed=True)
    assert [m.metric for m in sent if isinstance(m, ScoreEnded)] == ["bad-a"]
    assert bench.trace == []


# --- what is damaged is set aside and made again ---------------------------------------------------


def damaged(bench: Bench) -> list[str]:
    """The files that were set aside, relative to their cell's folder."""
    folders = list(bench.store.path.glob("damaged/cohort/jitter/*"))
    return sorted(
        file.relative_to(each).as_posix()
        for each in folders
        for file in each.rglob("*")
        if file.is_file()
    )


def made_again(bench: Bench, how: str) -> None:
    """Work through the plan once more, and see that the whole cell is made again."""
    sent = bench.work()
    (why,) = [message.reason for message in sent if isinstance(message, SetAside)]
    assert how in why
    assert "is damaged" in why
    assert Stage("fit") in sent
    assert bench.plan().cells[0].state == "done"
    assert bench.store.damage(bench.plan().cells[0].id.name) is None


def test_windows_that_are_not_those_of_the_record_are_made_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    found, digest = stored(bench), bench.cell().synthetic
    found["signals"][0, 0, 0] += 1
    (folder(bench) / "synthetic.npz").write_bytes(npz(found))
    made_again(bench, "these are not the windows that cell.json speaks of")
    assert bench.cell().synthetic == digest
    assert "synthetic.npz" in damaged(bench)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"PK\x03\x04 and no more", b"text", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', "],
)
def test_damaged_windows_are_made_again(bench: Bench, content: bytes | None) -> None:
    bench.work(bench.study(metrics=("level",)))
    digest, file = bench.cell().synthetic, folder(bench) / "synthetic.npz"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    made_again(bench, "synthetic.npz")
    assert bench.cell().synthetic == digest
    aside = damaged(bench)
    assert "cell.json" in aside
    assert any(name.startswith("artefacts/level-") for name in aside)


def test_windows_without_signals_are_damaged(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    (folder(bench) / "synthetic.npz").write_bytes(npz({"labels": np.zeros(3)}))
    made_again(bench, "it holds no array 'signals'")


def test_a_record_that_somebody_has_edited_is_set_aside_and_the_cell_made_again(
    bench: Bench,
) -> None:
    bench.work(bench.study(metrics=("level",)))
    (cell,) = bench.plan().todo
    file = folder(bench) / "cell.json"
    file.write_bytes(file.read_bytes().replace(b'"fold": 0', b'"fold": 1'))
    sent = bench.perform(cell)
    assert [type(m) for m in sent if isinstance(m, SetAside | CellEnded)] == [
        SetAside,
        CellEnded,
    ]
    assert bench.cell().fold == 0
    assert "cell.json" in damaged(bench)


def test_a_damaged_score_alone_is_set_aside_and_computed_again(bench: Bench) -> None:
    bench.work()
    cell = bench.plan().cells[0]
    value = bench.scores()["level"].value
    file = bench.store.score_file(cell.id.name, bench.scores()["level"].metric)
    file.write_bytes(file.read_bytes()[:-20])
    bench.forget_trace()
    bench.perform(cell, metrics=tuple(bench.plan().record.metrics))
    assert bench.trace == ["score level"]
    assert bench.scores()["level"].value == value
    assert damaged(bench) == [f"scores/{file.name}"]


# --- processes that send anything ------------------------------------------------------------------


def told_by(bench: Bench, **messages: list[Any]) -> list[Any]:
    """Perform a cell; the messages of its processes are these, or their own."""
    sent: list[Any] = []

    def call(function: Any, *arguments: Any, **how: Any) -> Iterator[Any]:
        if function.__name__ not in messages:
            yield from call_here(function, *arguments, **how)
            return
        yield from messages[function.__name__]
        yield Exit(None, 0.0, 0)

    perform(bench.task(bench.plan().cells[0]), sent.append, call=call)
    return sent


def test_a_fit_that_ends_without_a_word_fails_its_cell(bench: Bench) -> None:
    assert told_by(bench, fit=[])[-1] == CellEnded("failed", "its process ended without a word")


@pytest.mark.parametrize("record", [b"", b"{}", b"\xff", b'{"cell": 3}'])
def test_a_record_that_is_none_is_not_written_and_ends_no_run(bench: Bench, record: bytes) -> None:
    made = [CellMade(record, b"windows", {}), ScoreMade(record, {})]
    told_by(bench, judge=made)
    assert (bench.cell().status, bench.cell().reason) == ("failed", WORDLESS)
    assert bench.scores() == {}
    assert not (folder(bench) / "synthetic.npz").exists()


def test_a_message_of_another_process_is_not_heard(bench: Bench) -> None:
    costs = CostsRecord(fit_seconds=0.0, sample_seconds=0.0, cpu_seconds=0.0, peak_memory=0)
    sent = told_by(bench, divide=[Drawn(costs), FitWanted("x", 0), ScoreMade(b"", {})])
    assert sent[-1] == CellEnded("failed", WORDLESS)
