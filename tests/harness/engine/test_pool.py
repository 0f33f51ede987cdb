"""`LocalPool`: cells side by side on this machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.contracts.errors import StoreError
from ecgbench.harness.engine import pool as pools
from ecgbench.harness.engine.pool import LocalPool, TaskEnd
from ecgbench.results.store.lease import owners
from ecgbench.results.store.progress import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.conftest import Bench


def hanging(bench: Bench, **fields: Any) -> Any:
    how = {"how": "waits with children"}
    plain = {"generators": ("bad",), "generator": {"bad": how}, "metrics": ("spread",)}
    return bench.study(**(plain | fields))


@pytest.mark.parametrize("jobs", [1, 3])
def test_as_many_jobs_as_asked_run_at_a_time_and_never_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    together, lock = threading.Barrier(jobs), threading.Lock()
    running, most = 0, 0

    def perform(task: Any, send: Any, stop: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(60)  # broken unless as many come
        with lock:
            running -= 1

    monkeypatch.setattr(pools, "perform", perform)
    bench.run(bench.study(seeds=tuple(range(6))), pool=LocalPool(jobs))
    assert most == jobs
    assert bench.watch.failures == [None] * 6


def test_messages_come_with_the_name_of_their_cell_and_the_end_comes_last(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(task: Any, send: Any, stop: Any) -> str:
        for number in range(3):
            send(Stage(f"{task.cell.seed} {number}"))
        return f"failure {task.cell.seed}"

    monkeypatch.setattr(pools, "perform", perform)
    cells, pool = bench.plan(bench.study(seeds=(0, 1))).cells, LocalPool(2)
    for cell in cells:
        pool.start(bench.task(cell))
    found: dict[str, list[Any]] = {cell.id.name: [] for cell in cells}
    while sum(map(len, found.values())) < 8:
        for name, message in pool.messages(60):
            found[name].append(message)
    for cell in cells:
        seed = cell.id.seed
        stages = [Stage(f"{seed} {number}") for number in range(3)]
        assert found[cell.id.name] == [*stages, TaskEnd(f"failure {seed}")]
    assert pool.messages(0) == []


def test_a_cell_that_is_stopped_ends_with_all_it_started_and_the_others_go_on(
    bench: Bench, pids: Path, gone: Any, wait_for: Any
) -> None:
    study = hanging(bench, generators=("bad", "jitter"))
    bad, good = bench.plan(study).cells
    pool = LocalPool(2)
    pool.start(bench.task(bad))
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    pool.start(bench.task(good))
    pool.stop(bad.id.name)
    pool.stop("a/cell/that-is-not-there")
    ended: dict[str, Any] = {}
    while len(ended) < 2:
        ended |= {name: m.failure for name, m in pool.messages(60) if isinstance(m, TaskEnd)}
    assert ended == {bad.id.name: "stopped", good.id.name: None}
    assert [cell.state for cell in bench.plan(study).cells] == ["todo", "done"]
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_an_error_of_the_harness_reaches_the_engine_which_ends_the_other_cells(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []

    def perform(task: Any, send: Any, stop: threading.Event) -> str | None:
        if task.cell.seed == 1:
            raise StoreError("cannot write cell.json: No space left on device")
        stopped.append(stop.wait(60))
        return "stopped"

    monkeypatch.setattr(pools, "perform", perform)
    with pytest.raises(StoreError, match="No space left"):
        bench.run(bench.study(seeds=(0, 1, 2)), pool=LocalPool(3))
    assert stopped == [True, True]
    assert owners(bench.store.path) == {}


def test_an_interrupt_ends_all_cells_and_records_nothing(
    bench: Bench, pids: Path, gone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Any, cell: Any, message: Any) -> None:
        if pids.exists() and len(pids.read_text().split()) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(type(bench.watch), "message", interrupt)
    study = hanging(bench, seeds=(0, 1))
    with pytest.raises(KeyboardInterrupt):
        bench.run(study, pool=LocalPool(2))
    assert all(gone(int(pid)) for pid in pids.read_text().split())
    assert [cell.state for cell in bench.plan(study).cells] == ["todo", "todo"]
    assert owners(bench.store.path) == {}
