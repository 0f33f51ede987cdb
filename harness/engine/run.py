"""The engine: works through the plan of a study."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.harness.cell.task import Task
from ecgbench.harness.data import cache as data
from ecgbench.harness.engine.pool import Files, LocalPool, TaskEnd
from ecgbench.harness.planning.plan import forget_other_code, state_of
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.progress import Part, Progress, Stage
from ecgbench.results.store.states import forget_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.engine.pool import Pool
    from ecgbench.harness.planning.plan import Cell, Plan
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.lease import Lease
    from ecgbench.results.store.store import Store


WAIT = 0.5
"""Seconds between two looks at the work of other runs."""

REMOVED = "was it moved or removed while this ran? Start the same command again"

TELL_EVERY = 1.0
"""Seconds between two notes of how far a cell has come, for ``ecgbench status``."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How plugins run.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        threads: for each plugin.
        plugin_files: given with ``--plugin``.
        timeout: seconds for fitting, for sampling and for each score; None for any.
        memory: bytes for each cell; None for any.
        keep_models: whether fitted models are kept in the store.
    """

    device: str = "cpu"
    threads: int = 1
    plugin_files: tuple[str, ...] = ()
    timeout: float | None = None
    memory: int | None = None
    keep_models: bool = False


class Watch(Protocol):
    """Is told of a run's events; the command line draws them."""

    def cell_started(self, cell: Cell) -> None:
        """A cell is begun."""

    def message(self, cell: Cell, message: Told) -> None:
        """The cell sent something (`ecgbench.harness.engine.perform.perform`)."""

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """A cell has ended.

        Args:
            cell: as it stands in the store now; ``todo`` if it was left.
            failure: why its process was ended, if it did not end by itself.
        """

    def waiting(self, cells: Sequence[Cell]) -> None:
        """Other runs work on all cells that are left; called again after a change."""


def choose_device(device: str) -> str:
    """Return ``auto`` as ``cuda`` if there is one, else as ``cpu``.

    Raises:
        UsageError: CUDA is asked for and not there.
    """
    if device == "cpu":
        return device
    import torch  # noqa: PLC0415 - a second to import

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise UsageError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return "cpu"


def work_through(
    plan: Plan,
    store: Store,
    study: Study,
    sources: list[data.Source],
    machine: Machine,
    watch: Watch,
    pool: Pool | None = None,
) -> None:
    """Work through the rest of a plan.

    Any number of runs may work on one store: this one waits for cells of others, and takes them over if
    the others die.

    Args:
        plan: of the study.
        store: for the cells.
        study: resolved.
        sources: of its datasets.
        machine: how plugins run.
        watch: is told of the events.
        pool: for the cells; None for one after another on this machine.

    Raises:
        StoreError: the store cannot be written; finished work stays.
    """
    store.sweep()
    store.mend_plans()
    store.write_plan(plan.record)
    pool = pool or LocalPool()
    with Leases(store.path) as leases:
        try:
            _Engine(plan, store, study, sources, machine, watch, pool, leases).work()
        finally:
            pool.end()  # before the leases are given back


@dataclass
class _Running:
    cell: Cell
    lease: Lease
    progress: Progress
    noted: float = 0.0


class _Engine:
    def __init__(
        self,
        plan: Plan,
        store: Store,
        study: Study,
        sources: list[data.Source],
        machine: Machine,
        watch: Watch,
        pool: Pool,
        leases: Leases,
    ) -> None:
        self.plan = plan
        self.store = store
        self.study = msgspec.to_builtins(study)
        self.windows = {source.spec.name: data.folder(source) for source in sources}
        self.machine = machine
        self.watch = watch
        self.pool = pool
        self.leases = leases
        self.todo = deque(plan.todo)
        self.with_others: deque[Cell] = deque()
        self.running: dict[str, _Running] = {}
        self.ended = [cell.id.name for cell in plan.cells if cell.state != "todo"]
        self.looked = 0.0
        self.told = 0

    def work(self) -> None:
        while self.todo or self.running or self.with_others:
            self._fill()
            for name, message in self.pool.messages(WAIT):
                self._take(name, message)
            for name, running in self.running.items():
                if running.lease.lost:
                    self._check_store()
                    self.pool.stop(name)
        self._check_store()
        if gone := [name for name in self.ended if not self.store.has_ended(name)]:
            raise StoreError(
                f"{len(gone)} cells that had ended are gone, first {gone[0]}: {REMOVED}"
            )

    def _check_store(self) -> None:
        """Check that the store is still there, for a worker's files would make it anew.

        Raises:
            StoreError: the plan of this run is not there.
        """
        if not self.store.has_plan(self.plan.record):
            raise StoreError(f"the store {self.store.path} is gone, or its plans are: {REMOVED}")

    def _fill(self) -> None:
        """Begin as many cells as there is room for; others' cells when there are none of our own."""
        while self.todo and len(self.running) < self.pool.slots:
            self._try(self.todo.popleft(), retry=self.plan.retry_failed)
        if self.todo or time.monotonic() - self.looked < WAIT:
            return
        self.looked = time.monotonic()
        before = len(self.with_others)
        for _ in range(before):
            if len(self.running) < self.pool.slots:
                self._try(self.with_others.popleft(), retry=False)  # they have just tried
        if not self.running and self.with_others and len(self.with_others) != self.told:
            self.told = len(self.with_others)
            self.watch.waiting(tuple(self.with_others))

    def _try(self, cell: Cell, *, retry: bool) -> None:
        lease = self.leases.take(cell.id.name)
        if lease is None:
            self.with_others.append(cell)
        else:
            self._start(cell, lease, retry=retry)

    def _start(self, planned: Cell, lease: Lease, *, retry: bool) -> None:
        """Begin a cell, unless another run has ended it since the plan was made."""
        metrics = self.plan.record.metrics
        fresh = self.plan.fresh
        cell = state_of(planned.id, metrics, self.store, retry_failed=retry, fresh=fresh)
        self.watch.cell_started(cell)
        if cell.state != "todo":
            self.leases.give_back(lease)
            self.watch.cell_ended(cell, None)
            return
        if retry:
            forget_failed(self.store, cell.id.name, metrics)
        if fresh:
            forget_other_code(cell.id, metrics, self.store)
        self.running[cell.id.name] = _Running(cell, lease, Progress(began=time.time()))
        self.pool.start(
            Task(
                store=self.store.path,
                cell=cell.id,
                metrics=tuple(metrics),
                windows=self.windows[cell.id.dataset.name],
                plugin_files=self.machine.plugin_files,
                study=self.study,
                device=self.machine.device,
                threads=self.machine.threads,
                timeout=self.machine.timeout,
                memory=self.machine.memory,
                keep_model=self.machine.keep_models,
            )
        )

    def _take(self, name: str, message: Told | Files | TaskEnd) -> None:
        running = self.running[name]
        if isinstance(message, Files):
            if self.leases.holds(running.lease):
                self.store.receive(name, message.contents)
        elif isinstance(message, TaskEnd):
            self._end(name, message.failure)
        else:
            self.watch.message(running.cell, message)
            self._note(running, message)

    def _end(self, name: str, failure: str | BaseException | None) -> None:
        """Give back the lease of a cell, and tell how it stands in the store now."""
        running = self.running.pop(name)
        lost = running.lease.lost
        self.store.forget_progress(name)
        self.leases.give_back(running.lease)
        if isinstance(failure, BaseException):
            raise failure
        if lost:
            failure = "another run has taken it over, for this one was silent for too long"
        cell = state_of(running.cell.id, self.plan.record.metrics, self.store)
        if cell.state != "todo":
            self.ended.append(name)
        elif lost:
            self.with_others.append(running.cell)
        self.watch.cell_ended(cell, failure)

    def _note(self, running: _Running, message: Told) -> None:
        """Let ``ecgbench status`` see how far the cell has come."""
        running.progress = running.progress.after(message)
        if time.monotonic() - running.noted > TELL_EVERY or isinstance(message, Stage | Part):
            running.noted = time.monotonic()
            self.store.write_progress(running.cell.id.name, running.progress)
