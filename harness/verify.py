"""Checks a cell of somebody else: its windows, its record, and its scores by computing them again."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ecgbench.contracts.errors import EcgbenchError, PluginError
from ecgbench.harness.cell.checks import check_sample
from ecgbench.harness.cell.divide import splits_of
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.data.sources import prepare
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.reproduce import (
    CLOSE,
    EQUAL,
    cell_here,
    compare,
    copy_cell,
    interval,
    machine_differences,
    metric_here,
    plugin_differences,
    source_of,
    split_scores,
    task_again,
)
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.states import cell_outcome
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecgbench.harness.cell.task import Task
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import CellRecord, ScoreRecord

VERIFYING = process.Limits(timeout=900.0, memory=4 * 2**30)
"""For each step of a check: the settings of an archive may ask for anything."""


class Wrong(msgspec.Struct, frozen=True, tag=True):
    """A cell's record and windows cannot be so."""

    why: str


def differences(
    store: Store,
    name: str,
    catalog: Catalog,
    data_dir: Path | None,
    limits: process.Limits = VERIFYING,
) -> list[str]:
    """Check the stored windows of a cell and score them again; return all differences.

    The windows are compared with those that were asked for, and with real ones; those of a reference row
    are made again.  Of each score value, parts, count, people and interval are compared.  Made with
    other versions, or on another processor, a value may differ within our own interval.  What an archive
    says is done in processes with limits.

    Args:
        store: of the cell.
        name: of the cell.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        limits: of time and memory of each step.

    Raises:
        DataError: the dataset is not on this machine, or cannot be made within the limits.
        UsageError: a plugin or a setting is not there.
    """
    outcome = cell_outcome(store, name)
    record = outcome.record
    if record is None or outcome.status != "ok":
        return ["it did not end well, and nobody can check that it could not"]
    if not record.stored and not record.reference:
        return ["its windows did not come with it, so its scores cannot be checked"]
    source = source_of(record.cell, catalog, data_dir)
    of_cell = record.cell.dataset
    prepare([source], of_cell.windows, catalog.files, limits, nested=of_cell.nested)
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as folder:
        scratch = Store(Path(folder))
        cell = cell_here(record.cell, source, catalog)
        if cell.name != name:
            there = ", ".join(
                f"{what} {then}, here {here}"
                for what, then, here in plugin_differences(record, cell)
            )
            return [f"it cannot be checked here: {there}"]
        scores, lost = split_scores(store, record)
        if lost:
            return [f"{score.metric}: {score.note}" for score in lost]
        metrics = [metric_here(score.metric, catalog) for score in scores]
        if other := [
            m.name for m, score in zip(metrics, scores, strict=True) if m.key != score.metric.key
        ]:
            return [f"it cannot be checked here: metric {other[0]} is another here"]
        copy_cell(store, name, scratch, name)
        task = task_again(scratch, cell, record, metrics, source, catalog, limits)
        wrong = _wrong_windows(task, record, limits)
        if wrong:
            return wrong
        perform(task, lambda _: None)
        again_record = scratch.cell(name)
        if again_record is None or again_record.synthetic != record.synthetic:
            return ["its windows are others when they are made here"]
        again = [scratch.score(name, metric) for metric in metrics]
        told = map(
            partial(_discrepancy, same_machine=not machine_differences(record)), scores, again
        )
        return [reason for reason in told if reason]


def _wrong_windows(task: Task, record: CellRecord, limits: process.Limits) -> list[str]:
    """Return all faults of a cell's windows, and of their record."""
    faults: list[str] = []
    for message in process.call(check_windows, task, record, kinds=Wrong, limits=limits):
        match message:
            case Wrong(why):
                faults.append(why)
            case Exit(str(reason)):
                faults.append(f"its windows cannot be checked: {reason}")
    return faults


def check_windows(task: Task, record: CellRecord, send: Callable[[Wrong], None]) -> None:
    """Send a `Wrong` for each fault of a cell's record and windows.

    Args:
        task: the cell's, in a store with its windows.
        record: of the cell, as it came.
        send: is told.
    """
    try:
        for why in _wrong(task, record):
            send(Wrong(why))
    except EcgbenchError as error:
        send(Wrong(str(error)))


def _wrong(task: Task, record: CellRecord) -> Iterator[str]:
    catalog = discover(task.plugin_files)
    cell = record.cell
    is_reference = not cell.submitted and catalog.generator(cell.generator.name).reference
    if record.reference != is_reference:
        yield f"generator {cell.generator.name} is {'' if is_reference else 'no '}reference row"
        return
    splits = splits_of(task, catalog)
    if record.fold != splits.fold:
        yield f"it is of fold {record.fold}, seed {cell.seed} is of fold {splits.fold}"
    if is_reference:
        return
    file = Store(task.store).folder(cell.name) / "synthetic.npz"
    arrays = read_npz(file, "signals", "labels")
    where = f"generator {cell.generator.name}"
    try:
        synthetic = splits.train.synthetic(arrays["signals"], arrays["labels"])
        check_sample(cell.generator.name, synthetic, splits.train, splits.fresh.labels)
        check_origin(where, synthetic, splits)
        said = remarks(where, synthetic, splits.train)
    except (PluginError, ValueError) as error:
        yield str(error)
        return
    for note in said:
        if note not in record.notes:
            yield f"it does not say that {note}"


def _discrepancy(stored: ScoreRecord, again: ScoreRecord | None, *, same_machine: bool) -> str:
    """Return how a score differs from that of its windows; empty if it does not.

    The two are compared by our interval: theirs could be as wide as they like.
    """
    agreement = compare(stored, again)
    theirs, ours = interval(stored), None if again is None else interval(again)
    right = agreement.verdict in ("equal", "close")
    if not right and not same_machine and ours is not None and stored.value is not None:
        right = ours[0] <= stored.value <= ours[1]
    if not right or again is None:
        note = f" ({agreement.note})" if agreement.note else ""
        return (
            f"{agreement.metric} is {stored.value} in the archive and {agreement.again} when its windows are "
            f"scored again{note}"
        )
    return _discrepancy_beside(stored, again, same_machine=same_machine) or _interval_discrepancy(
        agreement.metric, theirs, ours, same_machine=same_machine
    )


def _discrepancy_beside(stored: ScoreRecord, again: ScoreRecord, *, same_machine: bool) -> str:
    """Return how the numbers beside a score's value differ from those of its windows."""
    name = stored.metric.name
    if stored.n != again.n:
        return f"{name} is of {stored.n} windows in the archive and of {again.n} here"
    if _people(stored) != _people(again):
        return f"{name} is of other people in the archive than here"
    if stored.parts.keys() != again.parts.keys():
        return f"{name} has other parts in the archive than here"
    for part, then in stored.parts.items():
        here = again.parts[part]
        if same_machine and not _is_close(then, here):
            return f"{name} has the part {part} = {then} in the archive and {here} here"
    return ""


def _people(score: ScoreRecord) -> list[int]:
    return [] if score.contributions is None else score.contributions.people


def _is_close(then: float | None, here: float | None) -> bool:
    if then is None or here is None:
        return then is here
    return abs(then - here) <= CLOSE * max(abs(then), abs(here)) + EQUAL


def _interval_discrepancy(
    name: str,
    theirs: tuple[float, float] | None,
    ours: tuple[float, float] | None,
    *,
    same_machine: bool,
) -> str:
    if theirs is ours is None:
        return ""
    if theirs is None or ours is None:
        return f"{name} has {'no' if theirs is None else 'an'} interval, unlike here"
    slack = (CLOSE if same_machine else 0.5) * (ours[1] - ours[0]) + EQUAL * max(map(abs, ours))
    if max(abs(theirs[0] - ours[0]), abs(theirs[1] - ours[1])) > slack:
        return (
            f"{name} has the interval {theirs} in the archive and {ours} when its windows are scored "
            "again"
        )
    return ""
