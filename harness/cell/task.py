"""`Task`: the work on one cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.planning.code import code_of
from ecgbench.harness.planning.identity import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.contracts.specs import Kind
    from ecgbench.harness.cell.messages import Divided
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import CellId, CostsRecord, MetricRecord, PluginRecord


@dataclass(frozen=True, kw_only=True)
class Task:
    """The work on a cell, in plain values, so it can travel.

    Attributes:
        store: the store's folder.
        cell: names dataset, generator and seed.
        metrics: the wanted scores; ended ones stay as they are.
        windows: the folder of the dataset's windows (`ecgbench.harness.data.cache.folder`).
        plugin_files: given with ``--plugin``.
        study: the resolved study, for the record.
        device: ``"cpu"`` or ``"cuda"``.
        threads: for plugins.
        timeout: seconds for fitting, for sampling and for each score; None for any.
        memory: bytes for a process and its children; None for any.
        keep_model: whether the fitted model is kept with the cell.
    """

    store: Path
    cell: CellId
    metrics: tuple[MetricRecord, ...]
    windows: Path
    plugin_files: tuple[str, ...] = ()
    study: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    timeout: float | None = None
    memory: int | None = None
    keep_model: bool = False


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A successful fit.

    Attributes:
        folder: of the fit (`ecgbench.harness.cell.room.Room`), with the drawn windows.
        divided: facts about the cell.
        costs: of fit and sampling.
    """

    folder: Path
    divided: Divided
    costs: CostsRecord


def scoring(metric: MetricRecord) -> str:
    """Return the name of a metric's stage; no metric's name holds a space."""
    return f"score {metric.name}"


def check_plugins(wanted: Iterable[tuple[Kind, PluginRecord]], catalog: Catalog) -> None:
    """Check that the plugins here are those of the plan.

    Raises:
        UsageError: one is not there, or has another origin, other code or other local files.
    """
    for kind, record in wanted:
        entry = catalog.entry(kind, record.name)
        here = str(entry.origin)
        if here == record.origin and record.code and code_of(entry) != record.code:
            here += " with other code"
        config = build(entry.spec.config, record.settings, where=f"{kind} {record.name}")
        if here == record.origin and files_of(entry.spec, config) != record.files:
            here += " with other files"
        if here != record.origin:
            raise UsageError(
                f"{kind} {record.name} is from {here} and was from {record.origin} when the run was "
                "planned: start again (on a cluster, with the same installed everywhere)"
            )


def plugins_of(task: Task) -> list[tuple[Kind, PluginRecord]]:
    """Return kind and record of all plugins of a task."""
    wanted: list[tuple[Kind, PluginRecord]] = [("dataset", task.cell.dataset)]
    wanted += [("metric", metric) for metric in task.metrics]
    if not task.cell.submitted:
        wanted.append(("generator", task.cell.generator))
    return wanted
