"""Runs a stored cell, or its scores alone, again, and says what agrees."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, EcgbenchError, PluginError, StoreError
from ecgbench.contracts.families import is_comparable
from ecgbench.environment import cores, environment
from ecgbench.harness.cell.checks import check_sample
from ecgbench.harness.cell.divide import splits_of
from ecgbench.harness.cell.plausible import check_origin, remarks
from ecgbench.harness.cell.task import Task
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import physionet
from ecgbench.harness.data.sources import prepare
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.isolation import process
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import metric_facts
from ecgbench.harness.planning.identity import used
from ecgbench.results.board.uncertainty import Resamples, sample
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import (
        CellId,
        CellRecord,
        MetricRecord,
        PluginRecord,
        ScoreRecord,
    )

Verdict = Literal["equal", "close", "within its interval", "differs", "not compared"]

VERIFYING = process.Limits(timeout=900.0, memory=4 * 2**30)
"""For each step of what an archive asks for: its settings may ask for anything."""

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
        failure = perform(_task(scratch, cell, record, metrics, source, catalog), send)
        found = scratch.cell(cell.name)
        versions = tuple(_versions(record, scores, metrics, found))
        if found is None or found.status != "ok":
            reason = (found.reason if found is not None else failure) or "it did not end"
            return Reproduction(False, (), versions, reason)
        again = [scratch.score(cell.name, metric) for metric in metrics]
        return Reproduction(
            same_bytes=found.synthetic == record.synthetic,
            scores=tuple(
                compare(score, here, is_cost=not is_comparable(metric.family))
                for score, here, metric in zip(scores, again, metrics, strict=True)
            ),
            versions=versions,
        )


def differences(
    store: Store,
    name: str,
    catalog: Catalog,
    data_dir: Path | None,
    limits: process.Limits = VERIFYING,
) -> list[str]:
    """Check the stored windows of a cell and score them again; tell what does not come out.

    The windows are compared with those that were asked for, and with real ones; those of a reference row
    are made again.  Of each score value, parts, count, people and interval are compared.  Made with
    other versions, or on another processor, a value may differ within our own interval.  What an archive
    says is done in processes with limits.

    Args:
        store: that holds the cell.
        name: of the cell.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        limits: of time and memory of each step.

    Raises:
        DataError: the dataset is not on this machine, or cannot be made within the limits.
        UsageError: a plugin or a setting is not there.
    """
    record = store.cell(name)
    if record is None or record.status != "ok":
        return ["it did not end well, and nobody can check that it could not"]
    if not record.stored and not record.reference:
        return ["its windows did not come with it, so its scores cannot be checked"]
    source = _source(record.cell, catalog, data_dir)
    prepare([source], record.cell.dataset.windows, catalog.files, limits)
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as folder:
        scratch = Store(Path(folder))
        cell = _here(record.cell, source, catalog)
        if cell.name != name:
            there = ", ".join(
                f"{what} {then}, here {here}" for what, then, here in _plugins(record, cell)
            )
            return [f"it cannot be checked here: {there}"]
        scores = store.scores(name)
        metrics = [_metric_here(score.metric, catalog) for score in scores]
        if other := [
            m.name for m, score in zip(metrics, scores, strict=True) if m.key != score.metric.key
        ]:
            return [f"it cannot be checked here: metric {other[0]} is another here"]
        _copy(store, name, scratch, name)
        task = _task(scratch, cell, record, metrics, source, catalog, limits)
        wrong = _wrong_windows(task, record, limits)
        if wrong:
            return wrong
        perform(task, lambda _: None)
        made = scratch.cell(name)
        if made is None or made.synthetic != record.synthetic:
            return ["its windows are others when they are made here"]
        again = [scratch.score(name, metric) for metric in metrics]
        told = map(partial(_lie, same_machine=not _machine(record)), scores, again)
        return [reason for reason in told if reason]


def _wrong_windows(task: Task, record: CellRecord, limits: process.Limits) -> list[str]:
    """Tell what is wrong with a cell's windows, and with what its record says of them."""
    found: list[str] = []
    for message in process.call(check_windows, task, record, log=None, limits=limits, stop=None):
        if message[0] == "wrong":
            found.append(message[1])
        elif message[0] == "exit" and message[1]:
            found.append(f"its windows cannot be checked: {message[1]}")
    return found


def check_windows(task: Task, record: CellRecord, send: Callable[[tuple[Any, ...]], None]) -> None:
    """Send ``("wrong", why)`` of each thing that a cell's record and windows cannot be.

    Args:
        task: the cell's, in a store that holds its windows.
        record: of the cell, as it came.
        send: is told.
    """
    try:
        for why in _wrong(task, record):
            send(("wrong", why))
    except EcgbenchError as error:
        send(("wrong", str(error)))


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


def _lie(stored: ScoreRecord, again: ScoreRecord | None, *, same_machine: bool) -> str:
    """In what a score is not what its windows give; empty if it is.

    The interval by which the two are compared is ours: theirs could be as wide as they like.
    """
    found = compare(stored, again)
    theirs, ours = interval(stored), None if again is None else interval(again)
    right = found.verdict in ("equal", "close")
    if not right and not same_machine and ours is not None and stored.value is not None:
        right = ours[0] <= stored.value <= ours[1]
    if not right or again is None:
        note = f" ({found.note})" if found.note else ""
        return (
            f"{found.metric} is {stored.value} in the archive and {found.again} when its windows are "
            f"scored again{note}"
        )
    return _lie_beside(stored, again, same_machine=same_machine) or _lie_of_interval(
        found.metric, theirs, ours, same_machine=same_machine
    )


def _lie_beside(stored: ScoreRecord, again: ScoreRecord, *, same_machine: bool) -> str:
    """In what the numbers beside a score's value are not those that its windows give."""
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


def _lie_of_interval(
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


def compare(stored: ScoreRecord, again: ScoreRecord | None, *, is_cost: bool = False) -> Agreement:
    """How a score came out again; what a fit cost is not compared where the cell was fitted again."""
    name, value = stored.metric.name, stored.value
    if is_cost:
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
    try:
        found = contributions(score.contributions, score.value)
    except ValueError:
        return None
    return sample({0: score.value}, {0: found}, Resamples(found.people)).interval


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
    facts = msgspec.structs.asdict(metric_facts(spec))
    return msgspec.structs.replace(metric, **msgspec.structs.asdict(here), **facts)


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


def _task(
    scratch: Store,
    cell: CellId,
    record: CellRecord,
    metrics: list[MetricRecord],
    source: data.Source,
    catalog: Catalog,
    limits: process.Limits | None = None,
) -> Task:
    """What is to be done to run a cell again; of a stranger's with limits, and no more threads than here."""
    threads = record.threads if limits is None else min(max(1, record.threads), cores())
    return Task(
        store=scratch.path,
        cell=cell,
        metrics=tuple(metrics),
        windows=data.folder(source),
        plugin_files=catalog.files,
        study=record.study,
        device=str(record.environment.get("device", "cpu")),
        threads=threads,
        timeout=None if limits is None else limits.timeout,
        memory=None if limits is None else limits.memory,
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
