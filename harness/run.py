"""The engine: finds and prepares the datasets of a study, and works through its plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ecgbench.harness import data, physionet, process
from ecgbench.harness.cell import Task, now, scoring, work
from ecgbench.harness.config import as_dict
from ecgbench.harness.environment import cores, environment
from ecgbench.harness.errors import DataError, UsageError
from ecgbench.harness.plan import state_of
from ecgbench.results.records import CellRecord, DatasetRecord, ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.plan import Cell, Plan
    from ecgbench.harness.study import Study
    from ecgbench.results.records import MetricRecord
    from ecgbench.results.store import Store


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How plugins run here.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        threads: for each plugin.
        data_dir: the user's folder of datasets; None for the cache alone.
        plugin_files: given with ``--plugin``.
    """

    device: str = "cpu"
    threads: int = 1
    data_dir: Path | None = None
    plugin_files: tuple[str, ...] = ()


class Watch(Protocol):
    """Is told what happens; the command line draws it."""

    def cell_started(self, cell: Cell, number: int, count: int) -> None:
        """A cell's process starts."""

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
        """The process sent something (`ecgbench.harness.cell.Send`)."""

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """The process has ended; ``failure`` says why, if it did not end by itself."""


def choose_device(device: str) -> str:
    """``auto`` as ``cuda`` where there is one, else ``cpu``.

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


def default_datasets(catalog: Catalog, data_dir: Path | None) -> tuple[tuple[str, ...], bool]:
    """Every full dataset that is on this machine; the embedded ones when there is none.

    Returns:
        names, and whether they are the embedded ones.
    """
    entries = catalog.of_kind("dataset")
    specs = [catalog.dataset(name) for name in dict.fromkeys(e.spec.name for e in entries)]
    full = [s.name for s in specs if s.source and physionet.find(s.source, data_dir)]
    if full:
        return tuple(full), False
    return tuple(s.name for s in specs if s.source is None), True


def locate(
    study: Study,
    catalog: Catalog,
    data_dir: Path | None,
    fetch: Callable[[str], Path],
) -> list[data.Source]:
    """Where each dataset of a resolved study stands.

    Args:
        study: with its datasets named.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        fetch: called with the name of a dataset that is absent; returns its folder.
    """
    sources = []
    for name in study.datasets or ():
        spec = catalog.dataset(name)
        folder = None
        if spec.source is not None:
            folder = physionet.find(spec.source, data_dir) or fetch(name)
        sources.append(data.Source(catalog.entry("dataset", name), study.settings(spec), folder))
    return sources


def prepare(
    sources: list[data.Source], windows: int | None, plugin_files: tuple[str, ...]
) -> list[DatasetRecord]:
    """Read each dataset that the cache lacks, in a process of its own; return their records.

    Raises:
        DataError: a dataset cannot be read; the message names it, and the record where there is one.
    """
    records = []
    for source in sources:
        if not data.is_prepared(source):
            told = (source.spec.name, as_dict(source.config), source.folder, plugin_files)
            for message in process.call(data.prepare_in_process, *told, threads=cores()):
                if message[0] == "exit" and message[1]:
                    raise DataError(_about(source.spec.name, message[1]))
        records.append(data.record(source, windows))
    return records


def work_through(
    plan: Plan,
    store: Store,
    study: Study,
    sources: list[data.Source],
    machine: Machine,
    watch: Watch,
) -> list[Cell]:
    """Work through what is left of a plan, one cell after another.

    A cell that another process works on is left to it; one that another has ended since the plan was
    made is not run again.

    Returns:
        the cells that were left to another process.
    """
    folders = {source.spec.name: source.folder for source in sources}
    store.write_plan(plan.record)
    busy = []
    for number, planned in enumerate(plan.todo, start=1):
        cell = state_of(planned.id, plan.record.metrics, store, retry_failed=plan.retry_failed)
        watch.cell_started(cell, number, len(plan.todo))
        missing, failure = cell.missing, None
        todo = cell.state == "todo"
        while todo:
            task = Task(
                store=store.path,
                cell=cell.id,
                metrics=missing,
                folder=folders.get(cell.id.dataset.name),
                plugin_files=machine.plugin_files,
                study=msgspec.to_builtins(study),
                device=machine.device,
                threads=machine.threads,
            )
            was_busy, ended, stage = _run(task, cell, store, watch)
            if was_busy:
                busy.append(cell)
            if ended is None:
                break
            failure = ended
            missing = _record_failure(store, task, stage, ended)
            todo = bool(missing)
        watch.cell_ended(cell, failure)
    return busy


def _run(task: Task, cell: Cell, store: Store, watch: Watch) -> tuple[bool, str | None, str]:
    """Run a task.

    Returns:
        whether another process has the cell, why the process died, if it did, and at which stage.
    """
    log = store.folder(task.cell.name) / "log.txt"
    busy, failure, stage = False, None, ""
    for message in process.call(work, task, log=log, threads=task.threads):
        if message[0] == "exit":
            failure = message[1]
            continue
        busy = busy or message[0] == "busy"
        stage = message[1] if message[0] == "stage" else stage
        watch.message(cell, message)
    return busy, failure, stage


def _record_failure(store: Store, task: Task, stage: str, failure: str) -> tuple[MetricRecord, ...]:
    """Put down why a process died: as the cell's end, or as that of the score it was at.

    Of a cell that is finished and yet could not be read, no score can be computed: all fail.

    Returns:
        the scores that are still to be done, in another process.
    """
    record = store.cell(task.cell.name)
    if record is None or record.status != "ok":
        store.write_cell(
            CellRecord(
                cell=task.cell,
                status="failed",
                reason=failure,
                environment=environment() | {"device": task.device},
                study=task.study,
                threads=task.threads,
                finished=now(),
            )
        )
        return ()
    stages = [scoring(metric) for metric in task.metrics]
    at = stages.index(stage) if stage in stages else None
    doomed = task.metrics if at is None else task.metrics[at : at + 1]
    for metric in doomed:
        ended = store.score(task.cell.name, metric)
        if ended is None or ended.status == "failed":
            store.write_score(
                ScoreRecord(
                    metric=metric,
                    cell=task.cell.name,
                    synthetic=record.synthetic,
                    status="failed",
                    reason=failure,
                    finished=now(),
                )
            )
    return () if at is None else task.metrics[at + 1 :]


def _about(name: str, text: str) -> str:
    return text if name in text else f"dataset {name}: {text}"
