"""`Task`: what there is to do of one cell, and what its processes say while they do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecgbench.harness.code import code_of
from ecgbench.harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.specs import Kind
    from ecgbench.results.records import CellId, CostsRecord, MetricRecord, PluginRecord

Send = Callable[[tuple[Any, ...]], None]
"""Send a message to whoever waits for the cell.

Everybody hears ``("stage", name)``, ``("log", step, total, values)``, ``("note", text)``, ``("aside",
why)`` of what was damaged, ``("cell", status, reason)`` and ``("score", metric, status, reason, value)``.
The stages are ``data``, ``fit``, ``sample`` and `scoring` of each metric.

`ecgbench.harness.perform` alone hears ``("divided", Divided)``, ``("skip", reason)``, ``("fitted",
CostsRecord)``, ``("failed", reason)``, ``("made", record, windows)``, ``("damaged", why)``, ``("scored",
record, artefacts)``, ``("refit", folder)`` and ``("store", why)``; records and windows are bytes."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be done of a cell, in plain values, so that it travels.

    Attributes:
        store: the store's folder.
        cell: what to run.
        metrics: the scores that are wanted; those that have ended stay as they are.
        windows: the folder of the dataset's windows (`ecgbench.harness.data.folder`).
        plugin_files: given with ``--plugin``.
        study: the resolved study, for the record.
        device: ``"cpu"`` or ``"cuda"``.
        threads: for plugins.
        timeout: seconds that fitting, sampling and each score may take; None for any.
        memory: bytes that a process and those it starts may use; None for any.
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


@dataclass(frozen=True, kw_only=True)
class Divided:
    """What is known of a cell once its windows are divided.

    Attributes:
        reference: whether the generator is a reference row.
        fold: 0 or 1.
        sizes: windows in each split, and people among the members and the unseen.
    """

    reference: bool
    fold: int
    sizes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fit that has ended well.

    Attributes:
        folder: of the fit (`ecgbench.harness.cell.fit.Room`), with the windows that were drawn.
        divided: what is known of the cell.
        costs: of fit and sampling.
    """

    folder: Path
    divided: Divided
    costs: CostsRecord


def scoring(metric: MetricRecord) -> str:
    """Return the stage of a cell at which the metric is computed; no metric's name holds a space."""
    return f"score {metric.name}"


def check_plugins(wanted: Iterable[tuple[Kind, PluginRecord]], catalog: Catalog) -> None:
    """Check that the plugins here are those that the run was planned with.

    Raises:
        UsageError: one is not there, or has another origin; or a local file imports other code now.
    """
    for kind, record in wanted:
        entry = catalog.entry(kind, record.name)
        here = str(entry.origin)
        if entry.origin.is_file and here == record.origin and code_of(entry) != record.code:
            here += " with other code"
        if here != record.origin:
            raise UsageError(
                f"{kind} {record.name} is from {here} and was from {record.origin} when the run was "
                "planned: start again (on a cluster, with the same installed everywhere)"
            )


def plugins_of(task: Task) -> list[tuple[Kind, PluginRecord]]:
    """Return kind and record of all plugins that a task needs."""
    wanted: list[tuple[Kind, PluginRecord]] = [("dataset", task.cell.dataset)]
    wanted += [("metric", metric) for metric in task.metrics]
    if not task.cell.submitted:
        wanted.append(("generator", task.cell.generator))
    return wanted
