"""Performs a cell's task: starts its processes, and writes their results.

A process with plugins writes nothing into the store, except shared computations (`OnceInStore`).
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ecgbench.contracts.decoding import decoder
from ecgbench.contracts.errors import StoreError
from ecgbench.harness.cell import curve
from ecgbench.harness.cell.divide import divide
from ecgbench.harness.cell.fit import Order, fit
from ecgbench.harness.cell.judge import judge
from ecgbench.harness.cell.messages import (
    KINDS,
    CellEnded,
    CellMade,
    Divided,
    FitWanted,
    Note,
    ScoreEnded,
    ScoreMade,
    SetAside,
    StoreFault,
)
from ecgbench.harness.cell.room import Room
from ecgbench.harness.cell.shadows import SHADOWS, Refit
from ecgbench.harness.cell.task import Fitted, Task
from ecgbench.harness.engine.account import WORDLESS, Account
from ecgbench.harness.engine.endings import record_end
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.results.pictures import PICTURES
from ecgbench.results.store.progress import Part, Stage, Step, Usage
from ecgbench.results.store.records import (
    CURVE,
    CellRecord,
    MetricRecord,
    ScoreRecord,
)
from ecgbench.results.store.states import cell_outcome, score_outcome
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from ecgbench.harness.cell.messages import FromProcess, Tell
    from ecgbench.results.store.store import Record

STOPPED = "stopped"

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
        why the last process ended by force was ended; None if all ended by themselves.
    """
    return _Performance(task, send, stop, call).work()


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
        self.store.make_folder(self.name)
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
        self.store.make_folder(self.name)

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

    def _run(self, function: Callable[..., None], *arguments: Any) -> Account:
        """Call a function in a process of its own, and hear it to its end.

        Raises:
            StoreError: it ended by a fault of the store.
        """
        account = Account()
        task = self.task
        limits = process.Limits(threads=task.threads, timeout=task.timeout, memory=task.memory)
        log = self.folder / "log.txt"
        kinds = KINDS[function.__name__]
        how: dict[str, Any] = {"kinds": kinds, "log": log, "limits": limits, "stop": self.stop}
        for message in self.call(function, *arguments, **how):
            if isinstance(message, Exit):
                account.failure = message.reason
                account.cpu_seconds, account.peak_memory = message.cpu_seconds, message.peak_memory
            elif isinstance(message, kinds | Usage):
                self._hear(account, message)
        if account.failure is not None and self.stop is not None and self.stop.is_set():
            raise _StoppedError
        return account

    def _hear(self, account: Account, message: FromProcess | Usage) -> None:
        match message:
            case StoreFault(reason):
                raise StoreError(reason)
            case CellMade(content, windows, pictures):
                self._write_cell(_decoded(content, CellRecord), windows, pictures)
            case ScoreMade(content, artefacts):
                account.scored += self._write_score(_decoded(content, ScoreRecord), artefacts)
            case FitWanted(name, seed):
                folder = self.folder / SHADOWS / Path(name).name
                fitted = self._run(fit, self._order(folder, seed))
                refit = Refit(*fitted.end) if fitted.drawn is None else Refit("ok")
                refit.write(folder)
            case Stage() | Part() | Step() | Usage() | Note():
                account.take(message)
                self.tell(message)
            case _:
                account.take(message)

    def _order(self, folder: Path, seed: int) -> Order:
        return Order(
            folder=folder,
            generator=self.task.cell.generator,
            seed=seed,
            plugin_files=self.task.plugin_files,
            device=self.task.device,
            threads=self.task.threads,
            keep=self.task.keep_model and folder == self.room.folder,
        )

    def _fit(self) -> Fitted | None:
        """Divide, fit and sample; return the fit, or None after its end is recorded."""
        self.tell(Stage("data"))
        account = self._run(divide, self.task, self.room.folder)
        divided = account.divided
        if divided is not None and account.failure is None and account.no_windows is None:
            account = self._run(fit, self._order(self.room.folder, self.task.cell.seed))
            if account.drawn is not None and account.failure is None:
                costs = account.drawn.costs
                return Fitted(folder=self.room.folder, divided=divided, costs=costs)
        self._end(account, divided)
        return None

    def _judge(self, fitted: Fitted | None, metrics: tuple[MetricRecord, ...]) -> bool:
        """Have the windows checked and scored; return whether there may be more to do."""
        task = replace(self.task, metrics=metrics)
        account = self._run(judge, task, fitted)
        if account.damaged is not None:
            self._set_aside(account.damaged.reason)
            return True
        if account.failure is None and account.no_windows is None:
            if account.scored or not metrics:
                return True
            account.failure = WORDLESS
        return self._end(account, None if fitted is None else fitted.divided, metrics)

    def _end(
        self,
        account: Account,
        divided: Divided | None,
        metrics: tuple[MetricRecord, ...] | None = None,
    ) -> bool:
        """Record why a process gave nothing; return whether there are scores left to be done."""
        self.failure = account.failure or self.failure
        status, reason = account.end
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
            account.stage,
            costs=account.costs,
            divided=divided,
            artefacts=artefacts,
            seconds=time.monotonic() - account.began,
            cpu_seconds=account.cpu_seconds - account.before,
        )
        if account.failure is None and not is_made:
            self.tell(CellEnded(status, reason))
        return goes_on

    # --- writing -------------------------------------------------------------------------------

    def _write_cell(
        self, record: CellRecord | None, windows: bytes, pictures: dict[str, bytes]
    ) -> None:
        if record is None or record.cell != self.task.cell:
            return  # no judge of this cell sends it
        self.store.write_synthetic(self.name, windows)
        artefacts, model = self._write_curve(), self._write_model()
        for name in PICTURES:
            if name in pictures:
                artefacts[name] = self.store.write_artefact(self.name, name, pictures[name])
        self.store.write_cell(msgspec.structs.replace(record, artefacts=artefacts, model=model))
        for note in record.notes:
            self.tell(Note(note))
        self.tell(CellEnded(record.status, record.reason))

    def _write_curve(self) -> dict[str, str]:
        """Write the fit's reports; return the artefact's digest by name."""
        content = curve.to_csv(self.room.curve)
        if content is None:
            return {}
        return {CURVE: self.store.write_artefact(self.name, CURVE, content)}

    def _write_model(self) -> dict[str, str]:
        """Write the fitted models; return the digests of the files by name."""
        folder = self.room.model
        return {
            name: self.store.write_model(self.name, name, file.read_bytes())
            for file in sorted(folder.rglob("*"))
            if file.is_file() and (name := file.relative_to(folder).as_posix())
        }

    def _write_score(self, score: ScoreRecord | None, artefacts: dict[str, bytes]) -> bool:
        """Write a score; return whether it is one of this task."""
        if score is None or score.cell != self.name or score.metric not in self.task.metrics:
            return False  # as above
        # before the first score: after a kill in between, the cell is still to be done, and cleared
        self.room.remove()
        self.fitted = None
        for name, content in artefacts.items():
            self.store.write_artefact(self.name, name, content)
        self.store.write_score(score)
        self.tell(ScoreEnded(score.metric.name, score.status, score.reason, score.value))
        return True


def _decoded(content: bytes, kind: type[Record]) -> Record | None:
    """Return the record of a message; None if it is none, for a plugin may have sent it."""
    try:
        record: Record = decoder("json", kind).decode(content)
    except msgspec.DecodeError:
        return None
    return record


def _of_one_origin(metrics: list[MetricRecord]) -> tuple[MetricRecord, ...]:
    """Return the metrics of the first one's origin: one process computes no others.

    Whatever a metric does to its process, it cannot touch the scores of another distribution's.
    """
    return tuple(metric for metric in metrics if metric.origin == metrics[0].origin)
