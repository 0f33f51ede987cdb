from __future__ import annotations

import shutil
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.harness.cell.messages import CellEnded, ScoreEnded
from ecgbench.harness.engine import run
from ecgbench.harness.engine.run import choose_device, work_through
from ecgbench.harness.isolation import process
from ecgbench.results.store.lease import Leases, owners
from ecgbench.results.store.progress import Stage, Step
from tests.harness.conftest import log

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


# --- a run that goes well --------------------------------------------------------------------------


def test_a_run_works_through_its_plan_and_tells_of_it(bench: Bench) -> None:
    study = bench.study(seeds=(0, 1), references=True)
    bench.run(study)
    plan = bench.plan(study)
    assert [cell.state for cell in plan.cells] == ["done"] * 4
    assert bench.watch.started == [cell.id.name for cell in plan.cells]
    assert bench.watch.failures == [None] * 4
    kinds = Counter(type(message) for message in bench.watch.messages)
    assert (kinds[CellEnded], kinds[ScoreEnded]) == (4, 8)
    assert Step(3, 3, {"loss": 1 / 3}) in bench.watch.messages


def test_the_plan_and_the_study_stand_in_the_store(bench: Bench) -> None:
    study = bench.study(windows=200)
    bench.run(study)
    (record,) = bench.store.plans()
    assert record == bench.plan(study).record
    told = bench.cell(study).study
    assert (told["name"], told["windows"], told["seeds"]) == ("test", 200, [0])


def test_a_second_run_starts_no_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    monkeypatch.setattr(process, "call", None)
    bench.run()
    assert bench.watch.started == []


def test_what_a_plugin_prints_is_in_the_cells_log(bench: Bench) -> None:
    study = bench.study(generators=("bad",), generator={"bad": {"how": "prints"}})
    bench.run(study)
    assert log(bench, study) == "to stdout ♥\nto stderr\n"


def test_the_traceback_of_what_a_plugin_raises_is_in_the_cells_log(bench: Bench) -> None:
    study = bench.study(generators=("bad",), generator={"bad": {"how": "raises"}})
    bench.run(study)
    assert 'raise ZeroDivisionError("the loss\\nvanished")' in log(bench, study)


# --- runs that die ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_killed_in_mid_score_goes_on_with_what_is_missing(
    bench: Bench, wait_for: Any
) -> None:
    pid = bench.folder / "pid"
    metrics = ("level", "waits", "spread")
    first = bench.command(
        "--generators",
        "jitter",
        "--seeds",
        "0",
        "--metrics",
        ",".join(metrics),
        "--set",
        f"metric.waits.pid={pid}",
    )
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    first.kill()
    first.communicate()
    study = bench.study(metrics=metrics, metric={"waits": {"pid": str(pid)}})
    cell = bench.plan(study).cells[0]
    # "waits" comes from another file than the others, so it is scored after them
    assert [metric.name for metric in cell.missing] == ["waits"]
    bench.forget_trace()
    bench.run(study)
    assert bench.plan(study).cells[0].state == "done"
    assert bench.trace == []


@pytest.mark.slow
def test_a_run_killed_in_mid_fit_goes_on_from_its_checkpoint(bench: Bench, wait_for: Any) -> None:
    settings = {"steps": 40, "seconds": 0.05}
    flags = [f"--set=generator.jitter.{name}={value}" for name, value in settings.items()]
    first = bench.command("--generators", "jitter", "--seeds", "0", "--metrics", "spread", *flags)
    wait_for(lambda: "step 10" in bench.trace)
    first.kill()
    first.communicate()
    study = bench.study(metrics=("spread",), generator={"jitter": settings})
    cell = bench.plan(study).cells[0]
    assert cell.state == "todo"
    bench.run(study)
    steps = [line for line in bench.trace if line.startswith("step")]
    ended = bench.plan(study).cells[0]
    assert (ended.state, ended.reason) == ("done", "")
    assert len(steps) <= 41  # the one that the kill cut off may have been done twice
    assert len(set(steps)) == 40
    assert not (bench.store.folder(cell.id.name) / "checkpoint").exists()


def test_an_interrupt_ends_the_worker_and_records_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.study(generator={"jitter": {"seconds": 5}})

    def interrupt(self: Any, cell: Any, message: Any) -> None:
        if message == Stage("fit"):
            raise KeyboardInterrupt

    monkeypatch.setattr(type(bench.watch), "message", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.run(study)
    cell = bench.plan(study).cells[0]
    assert cell.state == "todo"
    assert owners(bench.store.path) == {}
    assert list((bench.store.path / "leases").iterdir()) == []


# --- two runs on one store -------------------------------------------------------------------------


@pytest.mark.slow
def test_two_runs_on_one_store_share_the_work(bench: Bench) -> None:
    bench.plan()
    bench.forget_trace()
    flags = (
        "--generators",
        "jitter",
        "--seeds",
        "0-3",
        "--metrics",
        "level,spread",
        "--set=generator.jitter.seconds=0.1",
    )
    runs = [bench.command(*flags) for _ in range(2)]
    for each in runs:
        out, _ = each.communicate(timeout=180)
        assert each.returncode == 0, out
    study = bench.study(seeds=tuple(range(4)), generator={"jitter": {"seconds": 0.1}})
    assert {cell.state for cell in bench.plan(study).cells} == {"done"}
    calls = Counter(line.split()[0] for line in bench.trace)
    assert (calls["fit"], calls["score"]) == (4, 8)


def test_a_cell_that_another_run_works_on_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.study(seeds=(0, 1))
    names = [cell.id.name for cell in bench.plan(study).cells]
    with Leases(bench.store.path) as others:
        lease = others.take(names[0])
        assert lease is not None

        def waiting(self: Any, cells: Any) -> None:
            self.waited.append([cell.id.name for cell in cells])
            others.give_back(lease)

        monkeypatch.setattr(type(bench.watch), "waiting", waiting)
        bench.run(study)
    assert bench.watch.waited == [names[:1]]
    assert bench.watch.started == [names[1], names[0]]
    assert [cell.state for cell in bench.plan(study).cells] == ["done", "done"]


def test_a_cell_that_another_run_ends_while_it_is_waited_for_is_not_run_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Leases(bench.store.path) as others:
        lease = others.take(bench.plan().cells[0].id.name)
        assert lease is not None

        def waiting(self: Any, cells: Any) -> None:
            bench.work()
            others.give_back(lease)

        monkeypatch.setattr(type(bench.watch), "waiting", waiting)
        monkeypatch.setattr(process, "call", None)
        bench.run()
    assert bench.watch.states == ["done"]
    assert Counter(line.split()[0] for line in bench.trace)["fit"] == 1


@pytest.mark.slow
def test_the_cell_of_a_run_that_dies_is_taken_over_by_one_that_waits_for_it(
    bench: Bench, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"steps": 60, "seconds": 0.05}
    flags = [f"--set=generator.jitter.{name}={value}" for name, value in settings.items()]
    study = bench.study(metrics=("spread",), generator={"jitter": settings})
    first = bench.command("--generators", "jitter", "--seeds", "0", "--metrics", "spread", *flags)
    wait_for(lambda: "step 3" in bench.trace)

    def waiting(self: Any, cells: Any) -> None:
        self.waited.append([cell.id.name for cell in cells])
        first.kill()
        first.communicate()

    monkeypatch.setattr(type(bench.watch), "waiting", waiting)
    bench.run(study)
    assert len(bench.watch.waited) == 1
    assert bench.plan(study).cells[0].state == "done"
    steps = [line for line in bench.trace if line.startswith("step")]
    assert len(set(steps)) == 60
    assert len(steps) <= 61  # the one that the kill cut off may have been done twice


def test_a_run_that_has_lost_a_cell_ends_it_records_nothing_and_waits_for_the_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Leases", partial(Leases, beat=0.1))
    study = bench.study(generator={"jitter": {"seconds": 0.5}})
    leases = bench.store.path / "leases"
    states = []

    def message(self: Any, cell: Any, message: Any) -> None:
        if message == Stage("fit") and not self.failures:
            (ours,) = leases.glob("*.0")
            owner = msgspec.json.decode(ours.read_bytes()) | {"machine": "another", "token": "x"}
            ours.with_suffix(".1").write_bytes(msgspec.json.encode(owner))

    def waiting(self: Any, cells: Any) -> None:
        states.append(bench.plan(study).cells[0].state)
        (theirs,) = leases.glob("*.1")
        theirs.unlink()

    monkeypatch.setattr(type(bench.watch), "message", message)
    monkeypatch.setattr(type(bench.watch), "waiting", waiting)
    bench.run(study)
    assert states == ["todo"]
    assert bench.watch.failures == [
        "another run has taken it over, for this one was silent for too long",
        None,
    ]
    assert bench.plan(study).cells[0].state == "done"


@pytest.mark.parametrize("status", ["ok", "failed"])
def test_a_cell_that_another_run_has_ended_since_the_plan_was_made_is_not_run_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    how = {"ok": "well", "failed": "raises"}[status]
    study = bench.study(generators=("bad",), generator={"bad": {"how": how}})
    plan = bench.plan(study)
    bench.work(study)
    monkeypatch.setattr(process, "call", None)
    work_through(plan, bench.store, study, bench.sources(study), run.Machine(), bench.watch)
    assert len(bench.watch.started) == len(bench.watch.failures) == 1


def test_a_store_that_cannot_be_written_stops_the_run(bench: Bench) -> None:
    bench.store.path.mkdir()
    (bench.store.path / "plans").write_text("a file where a folder is wanted")
    with pytest.raises(StoreError, match="cannot write"):
        bench.run()


def test_a_device_that_is_not_there_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [choose_device(name) for name in ("cpu", "auto")] == ["cpu", "cpu"]
    with pytest.raises(UsageError, match=r"--device cuda: .*use --device cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [choose_device(name) for name in ("cpu", "auto", "cuda")] == ["cpu", "cuda", "cuda"]


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_store_that_is_removed_in_mid_run_ends_the_run_with_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, seeds: tuple[int, ...]
) -> None:
    def remove(*_: object) -> None:
        shutil.rmtree(bench.store.path, ignore_errors=True)

    monkeypatch.setattr(type(bench.watch), "cell_ended", remove)
    with pytest.raises(StoreError, match="was it moved or removed while this ran"):
        bench.run(bench.study(seeds=seeds, metrics=("spread",)))
