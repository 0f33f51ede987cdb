"""Runs a stored cell again, and compares its windows and scores."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, StoreError
from ecgbench.contracts.families import is_comparable
from ecgbench.environment import cores, environment
from ecgbench.harness.cell.task import Task
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import physionet
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.planning.facts import metric_facts
from ecgbench.harness.planning.identity import used
from ecgbench.results.board.uncertainty import Resamples, sample
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.states import cell_outcome, stored_scores
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from ecgbench.harness.cell.messages import Tell
    from ecgbench.harness.isolation import process
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import (
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
        note: why they were not compared, or why they differ.
    """

    metric: str
    stored: float | None
    again: float | None
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Reproduction:
    """The result of running a cell again.

    Attributes:
        same_bytes: whether the synthetic windows are bitwise the same.
        scores: of all metrics of the cell.
        versions: all differences between then and here, ``(what, then, here)``.
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
    send: Tell,
) -> Reproduction:
    """Fit, sample and score a stored cell again, from its own record.

    Args:
        store: read only.
        name: of the cell.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        send: is given the messages of the cell.

    Raises:
        StoreError: there is no such cell, or it did not end well.
        DataError: its dataset is not on this machine.
        UsageError: a plugin or a setting is not there any more.
    """
    record = _ended_well(store, name)
    source = source_of(record.cell, catalog, data_dir)
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as folder:
        scratch = Store(Path(folder))
        cell = cell_here(record.cell, source, catalog)
        if cell.submitted:
            copy_cell(store, name, scratch, cell.name)
        scores, lost = split_scores(store, record)
        metrics = [metric_here(score.metric, catalog) for score in scores]
        failure = perform(task_again(scratch, cell, record, metrics, source, catalog), send)
        outcome = cell_outcome(scratch, cell.name)
        made_here = outcome.record
        versions = tuple(_versions(record, scores, metrics, made_here))
        if made_here is None or outcome.status != "ok":
            reason = (outcome.reason if made_here is not None else failure) or "it did not end"
            return Reproduction(False, (), versions, reason)
        again = [scratch.score(cell.name, metric) for metric in metrics]
        return Reproduction(
            same_bytes=made_here.synthetic == record.synthetic,
            scores=(
                *(
                    compare(score, here, is_cost=not is_comparable(metric.family))
                    for score, here, metric in zip(scores, again, metrics, strict=True)
                ),
                *lost,
            ),
            versions=versions,
        )


def compare(stored: ScoreRecord, again: ScoreRecord | None, *, is_cost: bool = False) -> Agreement:
    """Return how a score came out again; the cost of a new fit is not compared."""
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
    """Return the interval of one score over its own people, None if there is none."""
    if score.contributions is None or score.value is None:
        return None
    try:
        terms = contributions(score.contributions, score.value)
    except ValueError:
        return None
    return sample({0: score.value}, {0: terms}, Resamples(terms.people)).interval


def split_scores(
    store: Store, record: CellRecord
) -> tuple[list[ScoreRecord], tuple[Agreement, ...]]:
    """Return the ended scores of a cell, and agreements of those still to do, not compared."""
    outcomes = stored_scores(store, record)
    lost = tuple(
        Agreement(name.rpartition("-")[0], None, None, "not compared", outcome.reason)
        for name, outcome in outcomes.items()
        if outcome.status == "todo"
    )
    return [outcome.record for outcome in outcomes.values() if outcome.record is not None], lost


def _ended_well(store: Store, name: str) -> CellRecord:
    outcome = cell_outcome(store, name)
    if outcome.damage is not None:
        raise outcome.damage
    record = outcome.record
    if record is None:
        raise StoreError(f"{store.path} has no cell {name}")
    if record.status != "ok":
        raise StoreError(
            f"cell {name} ended as {record.status} ({record.reason}); only a cell that ended well can "
            "be reproduced; ecgbench run --retry-failed runs failed ones again"
        )
    return record


def source_of(cell: CellId, catalog: Catalog, data_dir: Path | None) -> data.Source:
    """Return the place of a cell's dataset on this machine.

    Raises:
        DataError: it is not here.
    """
    entry = catalog.entry("dataset", cell.dataset.name)
    spec = catalog.dataset(cell.dataset.name)
    config = build(spec.config, cell.dataset.settings, where=f"dataset {spec.name}")
    folder = None if spec.source is None else physionet.find(spec.source, data_dir)
    if spec.source is not None and folder is None:
        raise DataError(
            f"dataset {spec.name} is not on this machine: ecgbench fetch {spec.name}, or --data-dir"
        )
    return data.Source(entry, config, folder)


def cell_here(cell: CellId, source: data.Source, catalog: Catalog) -> CellId:
    """Return the cell with the plugins installed here."""
    generator = cell.generator
    if not cell.submitted:
        spec = catalog.generator(generator.name)
        settings = build(spec.config, generator.settings, where=f"generator {spec.name}")
        generator = used(catalog.entry("generator", spec.name), settings)
    dataset = data.record(source, cell.dataset.windows, cell.dataset.nested)
    return msgspec.structs.replace(cell, dataset=dataset, generator=generator)


def metric_here(metric: MetricRecord, catalog: Catalog) -> MetricRecord:
    """The metric as it is installed here, with the settings of then."""
    spec = catalog.metric(metric.name)
    settings = build(spec.config, metric.settings, where=f"metric {spec.name}")
    here = used(catalog.entry("metric", spec.name), settings)
    facts = msgspec.structs.asdict(metric_facts(spec))
    return msgspec.structs.replace(metric, **msgspec.structs.asdict(here), **facts)


def copy_cell(store: Store, name: str, scratch: Store, cell: str) -> None:
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


def task_again(
    scratch: Store,
    cell: CellId,
    record: CellRecord,
    metrics: list[MetricRecord],
    source: data.Source,
    catalog: Catalog,
    limits: process.Limits | None = None,
) -> Task:
    """Return the task to run a cell again; a stranger's with limits, and no more threads than here."""
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
    """Return all differences between then and here, ``(what, then, here)``."""
    differences = machine_differences(record)
    if again is not None:
        differences += plugin_differences(record, again.cell)
    for score, here in zip(scores, metrics, strict=True):
        differences += _plugin(
            f"metric {here.name}", score.metric, here, "version", "code", "files"
        )
    return differences


def machine_differences(record: CellRecord) -> list[tuple[str, str, str]]:
    """Return how the machine and its libraries differ from then, ``(what, then, here)``."""
    then, here = dict(record.environment), environment()
    differences: list[tuple[str, str, str]] = [
        (what, str(then[what]), str(here[what]))
        for what in ("python", "system", "processor")
        if what in then and then[what] != here[what]
    ]
    packages = then.get("packages", {})
    differences += [
        (name, str(packages[name]), str(version))
        for name, version in here["packages"].items()
        if name in packages and packages[name] != version
    ]
    return differences


def _plugin(
    what: str, then: PluginRecord, here: PluginRecord, *fields: str
) -> list[tuple[str, str, str]]:
    pairs = {field: (getattr(then, field), getattr(here, field)) for field in fields}
    return [(f"{what} {k}", str(old), str(new)) for k, (old, new) in pairs.items() if old != new]


def plugin_differences(record: CellRecord, cell: CellId) -> list[tuple[str, str, str]]:
    """Return how dataset, generator and protocol differ from then, ``(what, then, here)``."""
    then = record.cell
    differences = []
    for what in ("dataset", "generator"):
        old, new = getattr(then, what), getattr(cell, what)
        fields = ("version", "origin", "settings", "code", "files")
        differences += _plugin(f"{what} {old.name}", old, new, *fields)
    if then.dataset.digest != cell.dataset.digest:
        pair = then.dataset.digest[:12], cell.dataset.digest[:12]
        differences.append((f"dataset {then.dataset.name} data", *pair))
    if then.protocol != cell.protocol:
        differences.append(("protocol", str(then.protocol), str(cell.protocol)))
    return differences
