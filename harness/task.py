"""Performs a cell's task, here or wherever it was sent: in as many processes as it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ecgbench.harness import process
from ecgbench.harness.cell import Task, now, scoring, work
from ecgbench.harness.environment import environment
from ecgbench.harness.errors import DamagedError, StoreError
from ecgbench.results.records import CellRecord, CostsRecord, ScoreRecord
from ecgbench.results.store import Store

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


STOPPED = "stopped"


def perform(
    task: Task, send: Callable[[tuple[Any, ...]], None], stop: threading.Event | None = None
) -> str | None:
    """Run a cell to its end, though plugins end its process: each costs the cell, or its own score.

    Args:
        task: what to run; whoever calls this holds the cell's lease.
        send: is given all messages of `ecgbench.harness.cell.Send` and `ecgbench.harness.process`.
        stop: when set, ends the process and records nothing.

    Raises:
        StoreError: the store cannot be written.

    Returns:
        why the last process that did not end by itself was ended; None if all did.
    """
    store = Store(task.store)
    store.tidy(task.cell.name)
    failure: str | None = None
    while True:
        stage, began, ended = "", time.monotonic(), None
        used = before = 0.0
        limits = process.Limits(threads=task.threads, timeout=task.timeout, memory=task.memory)
        log = store.folder(task.cell.name) / "log.txt"
        for message in process.call(work, task, log=log, limits=limits, stop=stop):
            if isinstance(message, process.Exit):
                ended = message
                continue
            if message[0] == "store":
                raise StoreError(message[1])
            if message[0] == "usage":
                used = message[2]
            if message[0] == "stage":
                stage, began, before = message[1], time.monotonic(), used
            send(message)
        assert ended is not None
        if ended.reason is None:
            return failure
        if stop is not None and stop.is_set():
            return STOPPED
        failure = ended.reason
        seconds = time.monotonic() - began
        costs = CostsRecord(
            fit_seconds=seconds if stage == "fit" else 0.0,
            sample_seconds=seconds if stage == "sample" else 0.0,
            cpu_seconds=ended.cpu_seconds,
            peak_memory=ended.peak_memory,
        )
        cpu = ended.cpu_seconds - before
        if not record_failure(store, task, failure, stage, costs, seconds=seconds, cpu_seconds=cpu):
            return failure


def record_failure(
    store: Store,
    task: Task,
    reason: str,
    stage: str = "",
    costs: CostsRecord | None = None,
    *,
    seconds: float = 0.0,
    cpu_seconds: float = 0.0,
) -> bool:
    """Put down why a process died: as the cell's end, or as that of the score it was at.

    Of a cell that is finished and yet could not be read, no score can be computed: all fail.

    Args:
        store: the cell's.
        task: what was to be done.
        reason: why it died.
        stage: at which.
        costs: of the cell so far.
        seconds: wall-clock time of the score.
        cpu_seconds: its processor time.

    Returns:
        whether there are scores still to be done, in another process.
    """
    try:
        record = store.cell(task.cell.name)
    except DamagedError:
        record = None
    if record is None or record.status != "ok":
        store.write_cell(
            CellRecord(
                cell=task.cell,
                status="failed",
                reason=reason,
                environment=environment() | {"device": task.device},
                study=task.study,
                threads=task.threads,
                finished=now(),
                costs=costs,
            )
        )
        return False
    missing = [m for m in task.metrics if not store.score_file(task.cell.name, m).exists()]
    stages = [scoring(metric) for metric in missing]
    at = stages.index(stage) if stage in stages else None
    for metric in missing if at is None else missing[at : at + 1]:
        store.write_score(
            ScoreRecord(
                metric=metric,
                cell=task.cell.name,
                synthetic=record.synthetic,
                status="failed",
                reason=reason,
                finished=now(),
                seconds=seconds,
                cpu_seconds=cpu_seconds,
            )
        )
    return at is not None and at + 1 < len(missing)
