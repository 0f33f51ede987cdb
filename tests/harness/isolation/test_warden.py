"""What the warden counts, keeps and ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.engine.pool import LocalPool
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.isolation.process import Limits
from ecgbench.results.store.lease import owners
from ecgbench.results.store.progress import Stage, Usage
from tests.harness.isolation.conftest import all_scored, fitted, started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.conftest import Bench


MIB = 2**20


def exit_of(function: Any, *arguments: Any, **options: Any) -> Exit:
    """The last message."""
    kinds = sys.modules["processes"].KINDS
    *_, last = process.call(function, *arguments, kinds=kinds, **options)
    assert isinstance(last, Exit)
    return last


def test_memory_and_processor_time_are_told_while_the_worker_runs(targets: Any) -> None:
    messages = list(process.call(targets.hold_memory, 200, 1.7, kinds=targets.KINDS))
    told = [message for message in messages if isinstance(message, Usage)]
    assert told
    memory, cpu_seconds = told[-1].memory, told[-1].cpu_seconds
    ended = messages[-1]
    assert isinstance(ended, Exit)
    assert 200 * MIB < memory <= ended.peak_memory + 20 * MIB
    assert 0 <= cpu_seconds <= ended.cpu_seconds + 0.1


def test_a_process_that_nobody_waits_for_counts_too(targets: Any) -> None:
    assert exit_of(targets.burn_in_a_child).cpu_seconds >= 0.5


def test_of_a_worker_whose_guard_was_killed_stands_what_was_last_heard(targets: Any) -> None:
    ended = exit_of(targets.burn_and_kill_the_guard)
    assert ended.reason == "the process that guarded it was killed"
    assert 0.4 < ended.cpu_seconds < 1.5
    assert ended.peak_memory > 10 * MIB


def test_pages_that_processes_share_count_once(targets: Any) -> None:
    """Both have 600 MiB resident, 600 MiB altogether."""
    assert exit_of(targets.share_memory, 600, limits=Limits(memory=1000 * MIB)).reason is None


def test_memory_beyond_the_limit_ends_the_worker_and_the_reason_says_how_much(
    targets: Any,
) -> None:
    ended = exit_of(targets.hold_memory, 700, 3600, limits=Limits(memory=512 * MIB))
    assert ended.reason is not None
    assert "more than its limit of 0.50 GiB (--memory)" in ended.reason
    assert ended.peak_memory > 512 * MIB


def test_a_worker_is_asked_to_end_before_it_is_killed(targets: Any, tmp_path: Path) -> None:
    stop = threading.Event()
    how: dict[str, Any] = {"kinds": targets.KINDS, "stop": stop}
    for message in process.call(targets.tidy_up_at_the_end, tmp_path / "file", **how):
        if message == targets.Value("ready"):
            stop.set()
    assert message.reason == "stopped"
    assert (tmp_path / "file").read_text() == "tidy"


def test_each_stage_has_the_time_limit_for_itself(targets: Any) -> None:
    assert exit_of(targets.sleep_in_stages, 25, limits=Limits(timeout=2.2)).reason is None


def test_time_in_which_the_caller_is_busy_or_suspended_is_not_the_workers(targets: Any) -> None:
    reason: str | None = ""
    for message in process.call(
        targets.sleep_in_stages, 40, kinds=targets.KINDS, limits=Limits(timeout=2)
    ):
        if message == Stage("0"):
            time.sleep(2.7)  # the worker goes on meanwhile, and for a while after
        if isinstance(message, Exit):
            reason = message.reason
    assert reason is None


def test_a_flood_of_messages_does_not_outrun_the_time_limit(targets: Any) -> None:
    reason = exit_of(targets.flood, limits=Limits(timeout=1)).reason
    assert reason == "it took longer than its time limit of 1 s (--timeout)"


def test_what_a_plugin_writes_into_the_pipe_costs_its_own_process_only(targets: Any) -> None:
    reason = exit_of(targets.write_into_the_pipe).reason
    assert reason == "its process ended before its work did, with exit code 0"


@pytest.mark.parametrize("size", [b"\0\0\1\0", b"\xff" * 4 + b"\0\0\0\1\0\0\0\0"])
def test_half_a_message_does_not_outrun_the_time_limit(targets: Any, size: bytes) -> None:
    reason = exit_of(targets.write_half_a_message, size, limits=Limits(timeout=1)).reason
    assert reason == "it took longer than its time limit of 1 s (--timeout)"


# --- time, and what the operating system counted ---------------------------------------------------


def test_the_time_limit_is_for_fitting_sampling_and_each_score_separately(bench: Bench) -> None:
    slow, metrics = {"how": "takes a second"}, [f"bad-{letter}" for letter in "abcdef"]
    study = fitted(bench, slow["how"], metrics=tuple(metrics), metric=dict.fromkeys(metrics, slow))
    bench.run(study, timeout=7)  # eight seconds altogether
    assert (bench.plan(study).cells[0].state, bench.watch.failures) == ("done", [None])


def test_costs_are_what_the_operating_system_counted(bench: Bench) -> None:
    def costs(how: str) -> Any:
        study = fitted(bench, how)
        bench.run(study)
        return bench.cell(study).costs

    little = costs("well")
    assert costs("burns").cpu_seconds - little.cpu_seconds == pytest.approx(0.5, abs=0.2)
    more = costs("allocates").peak_memory - little.peak_memory
    assert more / 2**20 == pytest.approx(300, abs=30)
    killed = costs("burns and exits")
    assert 0.45 <= killed.cpu_seconds < 2.5  # with what the process did before the fit
    assert killed.fit_seconds > 0.2  # from the news of the fit on, which may come late
    assert killed.sample_seconds == 0
    more = costs("allocates and exits").peak_memory - costs("os._exit(3)").peak_memory
    assert more / 2**20 == pytest.approx(300, abs=30)


def test_the_processor_time_of_a_score_is_counted_though_its_process_was_ended(
    bench: Bench,
) -> None:
    for how in ("burns", "burns and exits"):
        study = all_scored(bench, how)
        bench.run(study)
        found = bench.scores(study)
        assert 0.45 <= found["bad-a"].cpu_seconds < 2.5
        assert found["spread"].cpu_seconds < 0.3


# --- the run itself dies ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_dies_takes_all_processes_along_and_records_nothing_and_the_next_goes_on(
    bench: Bench,
    pids: Path,
    gone: Any,
    wait_for: Any,
    monkeypatch: pytest.MonkeyPatch,
    end: signal.Signals,
) -> None:
    hang = bench.folder / "hang"
    monkeypatch.setenv("HANG", str(hang))
    hang.touch()
    study = fitted(bench, "waits with children", seeds=(0, 1))
    flags = ["--generators=bad", "--seeds=0,1", "--metrics=spread", "--jobs=2"]
    run = bench.command(*flags, "--set=generator.bad.how=waits with children")
    wait_for(lambda: len(started(pids)) == 6)  # of each cell the worker, a child and a daemon
    assert len(owners(bench.store.path)) == 2
    os.killpg(run.pid, end)
    out, _ = run.communicate(timeout=180)
    assert run.returncode == (130 if end == signal.SIGINT else -end)
    assert ("interrupted; finished work is kept" in out) == (end == signal.SIGINT)
    wait_for(lambda: all(gone(pid) for pid in started(pids)))
    assert [cell.state for cell in bench.plan(study).cells] == ["todo", "todo"]
    assert owners(bench.store.path) == {}
    hang.unlink()
    bench.run(study, pool=LocalPool(2))
    assert [cell.state for cell in bench.plan(study).cells] == ["done", "done"]
