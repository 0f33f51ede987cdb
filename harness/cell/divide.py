"""Divides a cell's windows and writes the training windows for the fit; no model runs in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import Skip
from ecgbench.harness.cell.checks import check_applies
from ecgbench.harness.cell.messages import Divided, Skipped
from ecgbench.harness.cell.room import Room
from ecgbench.harness.cell.task import check_plugins, plugins_of
from ecgbench.harness.cell.trouble import tell_trouble
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.split import divided
from ecgbench.harness.planning.catalog import discover

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.cell.messages import Send
    from ecgbench.harness.cell.task import Task
    from ecgbench.harness.planning.catalog import Catalog


@tell_trouble
def divide(task: Task, folder: Path, send: Send) -> None:
    """Write the training windows of a cell, and the labels to draw, into the folder of its fit.

    Args:
        task: the cell's.
        folder: of the fit.
        send: is told `Divided`; also `Skipped` if the generator does not apply.
    """
    catalog = discover(task.plugin_files)
    # metrics are checked where they are used
    check_plugins([use for use in plugins_of(task) if use[0] != "metric"], catalog)
    spec = catalog.generator(task.cell.generator.name)
    splits = splits_of(task, catalog)
    told = Divided(reference=spec.reference, fold=splits.fold, sizes=_sizes(splits))
    send(told)
    try:
        check_applies(spec, splits.train, splits.fresh.labels)
    except Skip as skip:
        send(Skipped(str(skip)))
        return
    fresh = splits.fresh if spec.draws_on_fresh else None
    code = task.cell.generator.code
    Room(folder).furnish(splits.train, splits.fresh.labels, fresh, code=code)


def splits_of(task: Task, catalog: Catalog) -> Splits:
    """Return the splits of a task's dataset and seed."""
    dataset = task.cell.dataset
    halves = catalog.dataset(dataset.name).halves
    return divided(data.read(task.windows), dataset, task.cell.seed, halves)


def _sizes(splits: Splits) -> dict[str, int]:
    parts = ("train", "control", "auxiliary", "fresh", "test")
    return {part: len(getattr(splits, part)) for part in parts} | {
        "members": len(np.unique(splits.train.patients)),
        "unseen": len(np.unique(splits.test.patients)),
    }
