"""What the warden counts, keeps and ends."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.isolation.process import Limits
from ecgbench.results.store.progress import Stage, Usage

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def targets(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of functions that run in another process, importable there too."""
    monkeypatch.syspath_prepend(str(plugins))
    return importlib.import_module("processes")


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
