"""Runs a stored cell, or its scores alone, again, and says what agrees."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from ecgbench.harness import data, physionet
from ecgbench.harness.cell.task import Task
from ecgbench.harness.config import build
from ecgbench.harness.environment import environment
from ecgbench.harness.errors import DataError, StoreError
from ecgbench.harness.identity import used
from ecgbench.harness.perform import perform
from ecgbench.results.store import Store
from ecgbench.results.uncertainty import Resamples, sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.harness.catalog import Catalog
    from ecgbench.results.records import (
        CellId,
        CellRecord,
        MetricRecord,
        PluginRecord,
        ScoreRecord,
    )

Verdict = Literal["equal", "close", "within its interval", "differs", "not compared"]

EQUAL, CLOSE = 1e-9, 0.01
"""Relative differences: of one machine with itself, and of one machine with another."""


@dataclass(frozen=True)
class Agreement:
    """A score as it is stored and as it came out again.

    Attributes:
        metric: its name.
        stored: the value; None if there was none.
        again: the same.
        verdict: how they compare.
        note: why they were not compared, or what went wrong.
    """

    metric: str
    stored: float | None
    again: float | None
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Reproduction:
    """What came out when a cell was run again.

    Attributes:
        same_bytes: whether the synthetic windows are bitwise the same.
        scores: of all metrics that the cell was scored by.
        versions: what differs between then and here, ``(what, then, here)``.
        reason: why it could not be run to its end; empty if it was.
    """

    same_bytes: bool
    scores: tuple[Agreement, ...]
    versions: tuple[tuple[str, str, str], ...]
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the bytes are the same, or else every score is as good as the same."""
        differ = any(score.verdict == "differs" for score in self.scores)
        compared = any(score.verdict != "not compared" for score in self.scores)
        return not self.reason and not differ and (self.same_bytes or compared)


def reproduce(
    store: Store,
    name: str,
    catalog: Catalog,
    data_dir: Path | None,
    send: Callable[[tuple[Any, ...]], None],
) -> Reproduction:
    """Fit, sample and score a stored cell again, from its own record.

    Args:
        store: read only.
        name: of the cell.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        send: is given what the cell sends.

    Raises:
        StoreError: there is no such cell, or it did not end well.
        DataError: its dataset is not on this machine.
        UsageError: a plugin or a setting is not there any more.
    """
    record = _ended_well(store, name)
    source = _source(record.cell, catalog, data_dir)
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as folder:
        scratch = Store(Path(folder))
        cell = _here(record.cell, source, catalog)
        if cell.submitted:
            _copy(store, name, scratch, cell.name)
        scores = store.scores(name)
        metrics = [_metric_here(score.metric, catalog) for score in scores]
        failure = _perform(scratch, cell, record, metrics, source, catalog, send)
        found = scratch.cell(cell.name)
        versions = tuple(_versions(record, scores, metrics, found))
        if found is None or found.status != "ok":
            reason = (found.reason if found is not None else failure) or "it did not end"
            return Reproduction(False, (), versions, reason)
        again = [scratch.score(cell.name, metric) for metric in metrics]
        return Reproduction(
            same_bytes=found.synthetic == record.synthetic,
            scores=tuple(map(compare, scores, again)),
            versions=versions,
        )


def differences(store: Store, name: str, catalog: Catalog, data_dir: Path | None) -> list[str]:
    """Score the stored windows of a cell again; tell which scores do not come out.

    Windows of a reference row are made again.  Scores made with other versions, or on another
    processor, may differ within their interval.

    Raises:
        DataError: the dataset is not on this machine.
        UsageError: a plugin or a setting is not there.
    """
    record = store.cell(name)
    if record is None or record.status != "ok":
        return []  # there is nothing to score
    if not record.stored and not record.reference:
        return ["its windows did not come with it, so its scores cannot be checked"]
    scores = [score for score in store.scores(name) if score.status != "failed"]
    source = _source(record.cell, catalog, data_dir)
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as folder:
        scratch = Store(Path(folder))
        cell = _here(record.cell, source, catalog)
        if cell.name != name:
            there = ", ".join(
                f"{what} {then}, here {here}" for what, then, here in _plugins(record, cell)
            )
            return [f"it cannot be checked here: {there}"]
        _copy(store, name, scratch, name)
        metrics = [_metric_here(score.metric, catalog) for score in scores]
        _perform(scratch, cell, record, metrics, source, catalog, lambda _: None)
        again = [scratch.score(name, metric) for metric in metrics]
        same_machine = not _machine(record)
        told = map(partial(_lie, same_machine=same_machine), scores, again)
        return [reason for reason in told if reason]


def _lie(stored: ScoreRecord, again: ScoreRecord | None, *, same_machine: bool) -> str:
    """In what a score is not what its windows give; empty if it is.

    The interval by which the two are compared is ours: theirs could be as wide as they like.
    """
    found = compare(stored, again)
    theirs, ours = interval(stored), None if again is None else interval(again)
    right = found.verdict in ("equal", "close", "not compared")
    if not right and not same_machine and ours is not None and stored.value is not None:
        right = ours[0] <= stored.value <= ours[1]
    if not right:
        note = f" ({found.note})" if found.note else ""
        return (
            f"{found.metric} is {stored.value} in the archive and {found.again} when its windows are "
            f"scored again{note}"
        )
    if found.verdict == "not compared" or theirs is ours is None:
        return ""
    if theirs is None or ours is None:
        return f"{found.metric} has {'no' if theirs is None else 'an'} interval, unlike here"
    slack = (CLOSE if same_machine else 0.5) * (ours[1] - ours[0]) + EQUAL * max(map(abs, ours))
    if max(abs(theirs[0] - ours[0]), abs(theirs[1] - ours[1])) > slack:
        return (
            f"{found.metric} has the interval {theirs} in the archive and {ours} when its windows are "
            "scored again"
        )
    return ""


def compare(stored: ScoreRecord, again: ScoreRecord | None) -> Agreement:
    """How a score came out again; what a cell cost is not compared."""
    name, value = stored.metric.name, stored.value
    if stored.metric.family == "cost":
        return Agreement(name, value, again.value if again else None, "not compared", "a cost")
    if again is None:
        return Agreement(name, value, None, "differs", "it was not computed")
    if stored.status != again.status:
        note = f"{stored.status} then, {again.status} again: {again.reason or stored.reason}"
        return Agreement(name, value, again.value, "differs", note)
    if value is None or again.value is None:
        return Agreement(name, value, again.value, "equal", stored.reason)
    scale = max(abs(value), abs(again.value))
    difference = abs(value - again.value)
    if difference <= EQUAL * scale:
        return Agreement(name, value, again.value, "equal")
    if difference <= CLOSE * scale:
        return Agreement(name, value, again.value, "close")
    bounds = interval(stored)
    if bounds is not None and bounds[0] <= again.value <= bounds[1]:
        return Agreement(name, value, again.value, "within its interval")
    return Agreement(name, value, again.value, "differs")


def interval(score: ScoreRecord) -> tuple[float, float] | None:
    """The interval of one score over its own people, None where there is none."""
    if score.contributions is None or score.value is None:
        return None
    people = Resamples(np.unique(np.array(score.contributions.people, dtype=np.int64)))
    try:
        return sample({0: score.value}, {0: score.contributions}, people).interval
    except ValueError:
        return None


def _ended_well(store: Store, name: str) -> CellRecord:
    record = store.cell(name)
    if record is None:
        raise StoreError(f"{store.path} has no cell {name}")
    if record.status != "ok":
        raise StoreError(
            f"cell {name} ended as {record.status} ({record.reason}); only a cell that ended well can "
            "be reproduced; ecgbench run --retry-failed runs failed ones again"
        )
    return record


def _source(cell: CellId, catalog: Catalog, data_dir: Path | None) -> data.Source:
    entry = catalog.entry("dataset", cell.dataset.name)
    spec = catalog.dataset(cell.dataset.name)
    config = build(spec.config, cell.dataset.settings, where=f"dataset {spec.name}")
    folder = None if spec.source is None else physionet.find(spec.source, data_dir)
    if spec.source is not None and folder is None:
        raise DataError(
            f"dataset {spec.name} is not on this machine: ecgbench fetch {spec.name}, or --data-dir"
        )
    return data.Source(entry, config, folder)


def _here(cell: CellId, source: data.Source, catalog: Catalog) -> CellId:
    """The cell as the plugins that are installed here would have it."""
    generator = cell.generator
    if not cell.submitted:
        spec = catalog.generator(generator.name)
        settings = build(spec.config, generator.settings, where=f"generator {spec.name}")
        generator = used(catalog.entry("generator", spec.name), settings)
    return msgspec.structs.replace(
        cell, dataset=data.record(source, cell.dataset.windows), generator=generator
    )


def _metric_here(metric: MetricRecord, catalog: Catalog) -> MetricRecord:
    """The metric as it is installed here, with the settings of then."""
    spec = catalog.metric(metric.name)
    settings = build(spec.config, metric.settings, where=f"metric {spec.name}")
    here = used(catalog.entry("metric", spec.name), settings)
    return msgspec.structs.replace(metric, **msgspec.structs.asdict(here))


def _copy(store: Store, name: str, scratch: Store, cell: str) -> None:
    """Put a cell without its scores into a store."""
    folder = scratch.folder(cell)
    folder.mkdir(parents=True)
    for file in ("cell.json", "synthetic.npz"):
        try:
            shutil.copyfile(store.folder(name) / file, folder / file)
        except OSError as error:
            raise StoreError(
                f"cannot read {store.folder(name) / file}: {error.strerror}"
            ) from error


def _perform(
    scratch: Store,
    cell: CellId,
    record: CellRecord,
    metrics: list[MetricRecord],
    source: data.Source,
    catalog: Catalog,
    send: Callable[[tuple[Any, ...]], None],
) -> str | None:
    return perform(
        Task(
            store=scratch.path,
            cell=cell,
            metrics=tuple(metrics),
            windows=data.folder(source),
            plugin_files=catalog.files,
            study=record.study,
            device=str(record.environment.get("device", "cpu")),
            threads=record.threads,
        ),
        send,
    )


def _versions(
    record: CellRecord,
    scores: list[ScoreRecord],
    metrics: list[MetricRecord],
    again: CellRecord | None,
) -> list[tuple[str, str, str]]:
    """All that differs between then and here, ``(what, then, here)``."""
    found = _machine(record)
    if again is not None:
        found += _plugins(record, again.cell)
    for score, here in zip(scores, metrics, strict=True):
        found += _plugin(f"metric {here.name}", score.metric, here, "version", "code", "files")
    return found


def _machine(record: CellRecord) -> list[tuple[str, str, str]]:
    then, here = dict(record.environment), environment()
    found: list[tuple[str, str, str]] = [
        (what, str(then[what]), str(here[what]))
        for what in ("python", "system", "processor")
        if what in then and then[what] != here[what]
    ]
    packages = then.get("packages", {})
    found += [
        (name, str(packages[name]), str(version))
        for name, version in here["packages"].items()
        if name in packages and packages[name] != version
    ]
    return found


def _plugin(
    what: str, then: PluginRecord, here: PluginRecord, *fields: str
) -> list[tuple[str, str, str]]:
    pairs = {field: (getattr(then, field), getattr(here, field)) for field in fields}
    return [(f"{what} {k}", str(old), str(new)) for k, (old, new) in pairs.items() if old != new]


def _plugins(record: CellRecord, cell: CellId) -> list[tuple[str, str, str]]:
    then = record.cell
    found = []
    for what in ("dataset", "generator"):
        old, new = getattr(then, what), getattr(cell, what)
        fields = ("version", "origin", "settings", "code", "files")
        found += _plugin(f"{what} {old.name}", old, new, *fields)
    if then.dataset.digest != cell.dataset.digest:
        pair = then.dataset.digest[:12], cell.dataset.digest[:12]
        found.append((f"dataset {then.dataset.name} data", *pair))
    if then.protocol != cell.protocol:
        found.append(("protocol", str(then.protocol), str(cell.protocol)))
    return found
