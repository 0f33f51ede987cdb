"""Performs a cell's task: starts its processes, and writes their results.

A process with plugins writes nothing into the store, except shared computations (`OnceInStore`).
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ecgbench.contracts.errors import StoreError
from ecgbench.environment import environment
from ecgbench.harness.cell import curve
from ecgbench.harness.cell.divide import divide
from ecgbench.harness.cell.fit import Order, fit
from ecgbench.harness.cell.judge import judge
from ecgbench.harness.cell.messages import (
    KINDS,
    CellEnded,
    CellMade,
    Damaged,
    Divided,
    Drawn,
    Failed,
    FitWanted,
    Note,
    ScoreEnded,
    ScoreMade,
    SetAside,
    Skipped,
    StoreFault,
)
from ecgbench.harness.cell.room import Room
from ecgbench.harness.cell.shadows import SHADOWS, Refit
from ecgbench.harness.cell.task import Fitted, Task, scoring
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.results.store.progress import Part, Stage, Step, Usage
from ecgbench.results.store.records import (
    CellRecord,
    CostsRecord,
    MetricRecord,
    ScoreRecord,
    Status,
    now,
)
from ecgbench.results.store.states import cell_outcome, score_outcome
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from ecgbench.harness.cell.messages import FromProcess, Tell
    from ecgbench.results.store.store import Record

STOPPED = "stopped"

WORDLESS = "its process ended without a word"

FIT = "fit"
"""Folder of a cell for its fit, while it runs or after it has failed."""


class Call(Protocol):
    """Calls a function in a process of its own; see `ecgbench.harness.isolation.process.call`."""

    def __call__(
        self,
        function: Callable[..., None],
        *arguments: Any,
        kinds: Any,
        log: Path | None,
        limits: process.Limits,
        stop: threading.Event | None,
    ) -> Iterator[Any]:
        """Yield the function's messages of these types, and at last an `Exit`."""
        ...


def perform(
    task: Task, send: Tell, stop: threading.Event | None = None, call: Call = process.call
) -> str | None:
    """Run a cell to its end, though plugins end its processes: each costs the cell, or its own score.

    Args:
        task: the cell's; the caller holds the cell's lease.
        send: is given the messages for everybody (`ecgbench.harness.cell.messages.Told`).
        stop: when set, ends the process and records nothing.
        call: starts a process.

    Raises:
        StoreError: the store cannot be written.

    Returns:
        why the last process was ended that did not end by itself; None if all did.
    """
    return _Performance(task, send, stop, call).work()


@dataclass
class _Told:
    """The messages of one process, and its end.

    Attributes:
        stage: its last one.
        began: seconds, by the monotonic clock, when that stage began.
        before: processor time before that stage.
        used: processor time so far.
        divided: None if the windows were not divided.
        drawn: None if no windows were drawn.
        no_windows: why there are no windows; None if it did not say.
        damaged: None if the stored cell is sound.
        scored: how many scores it has sent.
        failure: why it ended before its time; None if it did not.
        cpu_seconds: its processor time.
        peak_memory: bytes.
    """

    stage: str = ""
    began: float = field(default_factory=time.monotonic)
    before: float = 0.0
    used: float = 0.0
    divided: Divided | None = None
    drawn: Drawn | None = None
    no_windows: Skipped | Failed | None = None
    damaged: Damaged | None = None
    scored: int = 0
    failure: str | None = None
    cpu_seconds: float = 0.0
    peak_memory: int = 0

    def take(self, message: FromProcess | Usage) -> None:
        """Note what a message says of the process."""
        match message:
            case Stage(stage):
                self.stage, self.began, self.before = stage, time.monotonic(), self.used
            case Usage(_, cpu_seconds):
                self.used = cpu_seconds
            case Divided():
                self.divided = message
            case Drawn():
                self.drawn = message
            case Skipped() | Failed():
                self.no_windows = message
            case Damaged():
                self.damaged = message

    @property
    def end(self) -> tuple[Status, str]:
        """Status and reason of a fit without windows."""
        if self.failure is not None:
            return "failed", self.failure
        if self.no_windows is None:
            return "failed", WORDLESS
        return (
            "skipped" if isinstance(self.no_windows, Skipped) else "failed",
            self.no_windows.reason,
        )

    @property
    def costs(self) -> CostsRecord | None:
        """The costs of a process that was ended; None if it ended by itself."""
        if self.failure is None:
            return None
        seconds = time.monotonic() - self.began
        return CostsRecord(
            fit_seconds=seconds if self.stage == "fit" else 0.0,
            sample_seconds=seconds if self.stage == "sample" else 0.0,
            cpu_seconds=self.cpu_seconds,
            peak_memory=self.peak_memory,
        )


class _StoppedError(Exception):
    """The task is not wanted any more."""


class _Performance:
    def __init__(self, task: Task, send: Tell, stop: threading.Event | None, call: Call) -> None:
        self.task = task
        self.name = task.cell.name
        self.tell = send
        self.stop = stop
        self.call = call
        self.store = Store(task.store)
        self.folder = self.store.folder(self.name)
        self.room = Room(self.folder / FIT)
        self.fitted: Fitted | None = None
        self.failure: str | None = None

    def work(self) -> str | None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store.tidy(self.name)
        try:
            while self._goes_on():
                pass
        except _StoppedError:
            return STOPPED
        return self.failure

    def _goes_on(self) -> bool:
        """Do the next step; return whether there may be more."""
        record = self._record()
        missing = list(self.task.metrics) if record is None else self._missing(record)
        if record is not None and not missing:
            self.room.remove()
            shutil.rmtree(self.folder / SHADOWS, ignore_errors=True)
            return False
        if record is None:
            self.fitted = None
            self.store.forget(self.task.cell)
        elif record.stored:
            self.tell(Stage("data"))
        if (record is None or not record.stored) and self.fitted is None:
            self.fitted = self._fit()
            if self.fitted is None:
                return False
        windows_of = None if record is not None and record.stored else self.fitted
        return self._judge(windows_of, _of_one_origin(missing))

    # --- the store -----------------------------------------------------------------------------

    def _record(self) -> CellRecord | None:
        """Return the record of the cell if it ended well; set a damaged cell aside."""
        cell = cell_outcome(self.store, self.name)
        if cell.damage is not None:
            self._set_aside(cell.damage)
        return cell.record if cell.status == "ok" else None

    def _set_aside(self, why: object) -> None:
        """Set the cell aside, to be made again.

        Raises:
            StoreError: its windows were submitted, so they cannot be made again.
        """
        self.store.set_aside(self.name)
        self.tell(SetAside(str(why)))
        if self.task.cell.submitted:
            raise StoreError(
                f"the submitted windows of cell {self.name} were damaged and are set aside; ecgbench "
                "score takes them again"
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def _missing(self, record: CellRecord) -> list[MetricRecord]:
        """Return the scores still to be computed; set aside damaged ones, and those of other windows."""
        missing = []
        for metric in self.task.metrics:
            file = self.store.score_file(self.name, metric)
            score = score_outcome(file, record, metric)
            if score.damage is not None:
                self.store.set_aside(self.name, file)
                self.tell(SetAside(str(score.damage)))
            if score.status == "todo":
                missing.append(metric)
        return missing

    # --- processes -----------------------------------------------------------------------------

    def _run(self, function: Callable[..., None], *arguments: Any) -> _Told:
        """Call a function in a process of its own, and hear it to its end.

        Raises:
            StoreError: it ended by a fault of the store.
        """
        told = _Told()
        task = self.task
        limits = process.Limits(threads=task.threads, timeout=task.timeout, memory=task.memory)
        log = self.folder / "log.txt"
        kinds = KINDS[function.__name__]
        how: dict[str, Any] = {"kinds": kinds, "log": log, "limits": limits, "stop": self.stop}
        for message in self.call(function, *arguments, **how):
            if isinstance(message, Exit):
                told.failure = message.reason
                told.cpu_seconds, told.peak_memory = message.cpu_seconds, message.peak_memory
            elif isinstance(message, kinds | Usage):
                self._hear(told, message)
        if told.failure is not None and self.stop is not None and self.stop.is_set():
            raise _StoppedError
        return told

    def _hear(self, told: _Told, message: FromProcess | Usage) -> None:
        match message:
            case StoreFault(reason):
                raise StoreError(reason)
            case CellMade(content, windows):
                self._write_cell(_decoded(content, CellRecord), windows)
            case ScoreMade(content, artefacts):
                self._write_score(_decoded(content, ScoreRecord), artefacts)
                told.scored += 1
            case FitWanted(name, seed):
                folder = self.folder / SHADOWS / Path(name).name
                fitted = self._run(fit, self._order(folder, seed))
                refit = Refit(*fitted.end) if fitted.drawn is None else Refit("ok")
                refit.write(folder)
            case Stage() | Part() | Step() | Usage() | Note():
                told.take(message)
                self.tell(message)
            case _:
                told.take(message)

    def _order(self, folder: Path, seed: int) -> Order:
        return Order(
            folder=folder,
            generator=self.task.cell.generator,
            seed=seed,
            plugin_files=self.task.plugin_files,
            device=self.task.device,
            threads=self.task.threads,
        )

    def _fit(self) -> Fitted | None:
        """Divide, fit and sample; return the fit, or None after its end is recorded."""
        self.tell(Stage("data"))
        told = self._run(divide, self.task, self.room.folder)
        divided = told.divided
        if divided is not None and told.failure is None and told.no_windows is None:
            told = self._run(fit, self._order(self.room.folder, self.task.cell.seed))
            if told.drawn is not None and told.failure is None:
                costs = told.drawn.costs
                return Fitted(folder=self.room.folder, divided=divided, costs=costs)
        self._end(told, divided)
        return None

    def _judge(self, fitted: Fitted | None, metrics: tuple[MetricRecord, ...]) -> bool:
        """Have the windows checked and scored; return whether there may be more to do."""
        task = replace(self.task, metrics=metrics)
        told = self._run(judge, task, fitted)
        if told.damaged is not None:
            self._set_aside(told.damaged.reason)
            return True
        if told.failure is None and told.no_windows is None:
            if told.scored or not metrics:
                return True
            told.failure = WORDLESS
        return self._end(told, None if fitted is None else fitted.divided, metrics)

    def _end(
        self,
        told: _Told,
        divided: Divided | None,
        metrics: tuple[MetricRecord, ...] | None = None,
    ) -> bool:
        """Record why a process gave nothing; return whether there are scores left to be done."""
        self.failure = told.failure or self.failure
        status, reason = told.end
        is_made = self._record() is not None
        artefacts = {} if is_made else self._write_curve()
        if status == "skipped" or is_made:
            self.room.remove()
        else:
            self.room.clear()  # --retry-failed goes on from the checkpoint
        goes_on = record_end(
            self.store,
            self.task if metrics is None else replace(self.task, metrics=metrics),
            status,
            reason,
            told.stage,
            costs=told.costs,
            divided=divided,
            artefacts=artefacts,
            seconds=time.monotonic() - told.began,
            cpu_seconds=told.cpu_seconds - told.before,
        )
        if told.failure is None and not is_made:
            self.tell(CellEnded(status, reason))
        return goes_on

    # --- writing -------------------------------------------------------------------------------

    def _write_cell(self, record: CellRecord | None, windows: bytes) -> None:
        if record is None or record.cell != self.task.cell:
            return  # no judge of this cell sends it
        self.store.write_synthetic(self.name, windows)
        self.store.write_cell(msgspec.structs.replace(record, artefacts=self._write_curve()))
        for note in record.notes:
            self.tell(Note(note))
        self.tell(CellEnded(record.status, record.reason))

    def _write_curve(self) -> dict[str, str]:
        """Write the fit's reports; return the artefact's digest by name."""
        content = curve.to_csv(self.room.curve)
        if content is None:
            return {}
        return {"training.csv": self.store.write_artefact(self.name, "training.csv", content)}

    def _write_score(self, score: ScoreRecord | None, artefacts: dict[str, bytes]) -> None:
        if score is None or score.cell != self.name or score.metric not in self.task.metrics:
            return  # as above
        # before the first score: after a kill in between, the cell is still to be done, and cleared
        self.room.remove()
        self.fitted = None
        for name, content in artefacts.items():
            self.store.write_artefact(self.name, name, content)
        self.store.write_score(score)
        self.tell(ScoreEnded(score.metric.name, score.status, score.reason, score.value))


def _decoded(content: bytes, kind: type[Record]) -> Record | None:
    """Return the record of a message; None if it is none, for a plugin may have sent it."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        return None


def _of_one_origin(metrics: list[MetricRecord]) -> tuple[MetricRecord, ...]:
    """Return the metrics of the first one's origin: one process computes no others.

    Whatever a metric does to its process, it cannot touch the scores of another distribution's.
    """
    return tuple(metric for metric in metrics if metric.origin == metrics[0].origin)


def record_end(
    store: Store,
    task: Task,
    status: Status,
    reason: str,
    stage: str = "",
    *,
    costs: CostsRecord | None = None,
    divided: Divided | None = None,
    artefacts: dict[str, str] | None = None,
    seconds: float = 0.0,
    cpu_seconds: float = 0.0,
) -> bool:
    """Record the reason of a missing result: as the end of the cell, or of the score in progress.

    If the windows of a finished cell cannot be read, all its scores end so.

    Args:
        store: the cell's.
        task: the cell's.
        status: ``failed`` or ``skipped``.
        reason: why.
        stage: the last one.
        costs: of the cell so far.
        divided: facts about the cell.
        artefacts: of the cell, digests by name.
        seconds: wall-clock time of the score.
        cpu_seconds: its processor time.

    Returns:
        whether the cell has windows, so that other scores may be done yet.
    """
    cell = cell_outcome(store, task.cell.name)
    record = cell.record
    if record is None or cell.status != "ok":
        known = {} if divided is None else msgspec.structs.asdict(divided)
        store.write_cell(
            CellRecord(
                cell=task.cell,
                status=status,
                reason=reason,
                environment=environment() | {"device": task.device},
                study=task.study,
                threads=task.threads,
                finished=now(),
                costs=costs,
                artefacts=artefacts or {},
                **known,
            )
        )
        return False
    missing = [
        metric
        for metric in task.metrics
        if score_outcome(store.score_file(task.cell.name, metric), record, metric).status == "todo"
    ]
    stages = [scoring(metric) for metric in missing]
    at = stages.index(stage) if stage in stages else None
    for metric in missing if at is None else missing[at : at + 1]:
        store.write_score(
            ScoreRecord(
                metric=metric,
                cell=task.cell.name,
                synthetic=record.synthetic,
                status=status,
                reason=reason,
                finished=now(),
                seconds=seconds,
                cpu_seconds=cpu_seconds,
            )
        )
    return True
