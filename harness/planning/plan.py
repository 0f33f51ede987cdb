"""The plan: all cells of a study, each with its scores left to compute."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.errors import DamagedError
from ecgbench.contracts.specs import GeneratorSpec, MetricSpec
from ecgbench.contracts.windows import PROTOCOL
from ecgbench.harness.planning.facts import metric_facts
from ecgbench.harness.planning.identity import unnoticed_files, used
from ecgbench.harness.planning.study import differences, variant
from ecgbench.results.exchange.provenance import unverified
from ecgbench.results.store.records import (
    CellId,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
)
from ecgbench.results.store.states import cell_outcome, score_outcome, state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecgbench.contracts.config import Config
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.records import CellRecord, PluginRecord
    from ecgbench.results.store.states import State
    from ecgbench.results.store.store import Store


@dataclass(frozen=True)
class Cell:
    """A cell of the plan.

    Attributes:
        id: its identity.
        state: ``done`` when the cell and all its scores have ended and none failed.
        missing: the scores left to compute (with failed ones, if the run retries them).
        reason: of its failure, or of being skipped.
        other_code: plugins with results of other code of the same version in the store:
            ``"generator timegan, version 1"``.
        notes: the store's remarks on the cell's windows (`CellRecord.notes`).
    """

    id: CellId
    state: State
    missing: tuple[MetricRecord, ...]
    reason: str = ""
    other_code: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All cells of a study, in the order of the work.

    Attributes:
        record: the study's cells and plugins, for the store.
        cells: one for each of the record's.
        retry_failed: whether failed cells and scores are run again.
        fresh: whether results of other code of the same version are computed again.
        archives: of the cells with unverified results of an archive, the first digits of its SHA-256.
    """

    record: PlanRecord
    cells: tuple[Cell, ...]
    retry_failed: bool = False
    fresh: bool = False
    archives: tuple[str, ...] = ()

    @property
    def todo(self) -> tuple[Cell, ...]:
        """Return the cells with something left to do."""
        return tuple(cell for cell in self.cells if cell.state == "todo")

    @property
    def warnings(self) -> list[str]:
        """Return warnings for a reader: archives, other code, unnoticed files, odd windows."""
        does = "they are computed again" if self.fresh else "--fresh computes them again"
        found = dict.fromkeys(plugin for cell in self.cells for plugin in cell.other_code)
        of_code = [f"{plugin}: stored results were made by other code; {does}" for plugin in found]
        plugins = [
            *(("generator", generator) for generator in self.record.generators),
            *(("metric", metric) for metric in self.record.metrics),
        ]
        of_files = [text for kind, plugin in plugins for text in unnoticed_files(kind, plugin)]
        of_cells = [f"{c.id.name}: {note}" for c in self.cells for note in c.notes]
        return [*self._of_archives(), *of_code, *of_files, *of_cells]

    def _of_archives(self) -> list[str]:
        return [
            f"{count} of these cells came from the archive {digits}…, not verified: boards do not rank "
            "them, and this run does not make them again. Verify them (ecgbench merge ARCHIVE --verify), "
            f"or take them out (ecgbench merge {digits} --undo) and run again"
            for digits, count in Counter(self.archives).items()
        ]


def make_plan(
    study: Study,
    catalog: Catalog,
    datasets: list[DatasetRecord],
    store: Store,
    *,
    retry_failed: bool = False,
    fresh: bool = False,
) -> Plan:
    """Plan a resolved study on prepared datasets.

    Cells are ordered by dataset, seed, then generator, references first: a board is soon worth a
    look, and the shared results of a dataset and a seed are computed in the cheapest cells.

    Raises:
        UsageError: a name or a setting is unknown.
        StoreError: the store cannot be read.
    """
    generators = generator_records(study, catalog)
    metrics = metric_records(study, catalog)
    cells = [
        cell_id(dataset, generator, seed)
        for dataset in datasets
        for seed in study.seeds
        for generator in generators
    ]
    how = {"retry_failed": retry_failed, "fresh": fresh}
    return plan_of(study, datasets, generators, metrics, cells, store, **how)


def plan_of(
    study: Study,
    datasets: list[DatasetRecord],
    generators: list[GeneratorRecord],
    metrics: list[MetricRecord],
    cells: list[CellId],
    store: Store,
    *,
    retry_failed: bool = False,
    fresh: bool = False,
) -> Plan:
    """Return the plan of these cells, each scored by each of the metrics."""
    dataset_index = {record.name: i for i, record in enumerate(datasets)}
    generator_index = {record.key: i for i, record in enumerate(generators)}
    record = PlanRecord(
        protocol=PROTOCOL,
        study=study.name,
        settings=board_settings(study),
        datasets=datasets,
        generators=generators,
        metrics=metrics,
        headline=list(study.headline or ()),
        cells=[
            PlannedCell(
                name=cell.name,
                dataset=dataset_index[cell.dataset.name],
                generator=generator_index[cell.generator.key],
                seed=cell.seed,
            )
            for cell in cells
        ],
    )
    how = {"retry_failed": retry_failed, "fresh": fresh}
    states = [state_of(cell, metrics, store, **how) for cell in cells]
    archives = unverified(store, [cell.name for cell in cells])
    return Plan(record, tuple(states), **how, archives=tuple(archives.values()))


def cell_id(dataset: DatasetRecord, generator: GeneratorRecord, seed: int) -> CellId:
    """Return the identity of one cell of the study."""
    return CellId(
        dataset=dataset,
        generator=generator.used,
        seed=seed,
        protocol=PROTOCOL,
        submitted=generator.submitted,
    )


def board_settings(study: Study) -> dict[str, Any]:
    """Return the settings that all rows of a study share, as they differ from the defaults, JSON-ready."""
    found: dict[str, Any] = {}
    if study.windows is not None:
        found["windows"] = study.windows
    if study.nested is not None:
        found["nested"] = study.nested
    if study.smoke:
        found["smoke"] = True
    for kind in ("dataset", "metric"):
        for name, table in getattr(study, kind).items():
            found |= {f"{kind}.{name}.{k}": v for k, v in table.items()}
    return found


def generator_records(study: Study, catalog: Catalog) -> list[GeneratorRecord]:
    """Return the reference rows, then the generators of the study, each with its settings."""
    names: list[str] = []
    if study.references:
        specs = [e.spec for e in catalog.of_kind("generator") if isinstance(e.spec, GeneratorSpec)]
        names = [spec.name for spec in specs if spec.reference and not spec.audit]
    records: dict[str, GeneratorRecord] = {}
    for name, own in (*((name, {}) for name in names), *map(variant, study.generators)):
        spec = catalog.generator(name)
        plain, config = study.plain(spec), study.settings(spec, own)
        record = generator_record(catalog, name, config, changed=differences(plain, config))
        records.setdefault(record.key, record)
    return [*records.values()]


def generator_record(
    catalog: Catalog, name: str, config: Config, *, changed: Mapping[str, Any] | None = None
) -> GeneratorRecord:
    """Return the record of a generator with these settings.

    Args:
        catalog: has it.
        name: its name.
        config: all of its settings.
        changed: those that differ from its defaults, or its smoke settings.
    """
    plugin = used(catalog.entry("generator", name), config)
    return GeneratorRecord(
        **msgspec.structs.asdict(plugin),
        reference=catalog.generator(name).reference,
        changed=dict(changed or {}),
    )


def metric_records(study: Study, catalog: Catalog) -> list[MetricRecord]:
    """Return the metrics of the study, each with its settings; without names, all but costly ones."""
    names = study.metrics
    if names is None:
        specs = [e.spec for e in catalog.of_kind("metric")]
        names = tuple(
            dict.fromkeys(s.name for s in specs if not (isinstance(s, MetricSpec) and s.costly))
        )
    records = []
    for name in names:
        spec = catalog.metric(name)
        plugin = used(catalog.entry("metric", name), study.settings(spec))
        facts = metric_facts(spec)
        records.append(
            MetricRecord(**msgspec.structs.asdict(plugin), **msgspec.structs.asdict(facts))
        )
    return records


def state_of(
    cell: CellId,
    metrics: list[MetricRecord],
    store: Store,
    *,
    retry_failed: bool = False,
    fresh: bool = False,
) -> Cell:
    """Return a cell with its state in the store (`ecgbench.results.store.states`).

    Args:
        cell: its identity.
        metrics: of the scores to compute.
        store: read only.
        retry_failed: whether failed results are still to do.
        fresh: whether results of other code of the same version are still to do.

    Raises:
        StoreError: a record cannot be read, or is of an unknown version.
    """
    outcome = cell_outcome(store, cell.name)
    record = outcome.record
    if record is None:
        return Cell(cell, "todo", tuple(metrics), outcome.reason if outcome.damage else "")
    other = _other_code(cell, record)
    if (other and fresh) or (record.status == "failed" and retry_failed):
        return Cell(cell, "todo", tuple(metrics), other_code=tuple(other))
    if record.status != "ok":
        return Cell(cell, state(outcome, ()), (), outcome.reason, tuple(other))
    scores = [score_outcome(store.score_file(cell.name, m), record, m) for m in metrics]
    again = set()
    for metric, score in zip(metrics, scores, strict=True):
        if score.record is not None and score.record.metric.is_of_other_code(metric):
            other.append(_call("metric", metric))
            if fresh:
                again.add(metric.key)
        if score.status == "todo" or (score.status == "failed" and retry_failed):
            again.add(metric.key)
    missing = tuple(metric for metric in metrics if metric.key in again)
    reason = (
        ""
        if missing
        else "; ".join(
            f"{metric.name}: {score.reason}"
            for metric, score in zip(metrics, scores, strict=True)
            if score.status == "failed"
        )
    )
    now = "todo" if missing else state(outcome, scores)
    return Cell(cell, now, missing, reason, tuple(other), tuple(record.notes))


def forget_other_code(cell: CellId, metrics: Iterable[MetricRecord], store: Store) -> None:
    """Remove a cell's results of other code of the same version, for the run computes them again."""
    with suppress(DamagedError):
        record = store.cell(cell.name)
        if record is not None and _other_code(cell, record):
            store.forget(cell)
            return
    for metric in metrics:
        with suppress(DamagedError):
            score = store.score(cell.name, metric)
            if score is not None and score.metric.is_of_other_code(metric):
                store.score_file(cell.name, metric).unlink(missing_ok=True)


def _other_code(cell: CellId, record: CellRecord) -> list[str]:
    """Return the dataset and the generator, if a stored cell was made by other code of theirs."""
    then = record.cell
    pairs = {"dataset": (then.dataset, cell.dataset), "generator": (then.generator, cell.generator)}
    return [_call(kind, new) for kind, (old, new) in pairs.items() if old.is_of_other_code(new)]


def _call(kind: str, plugin: PluginRecord) -> str:
    return f"{kind} {plugin.name}, version {plugin.version}"
