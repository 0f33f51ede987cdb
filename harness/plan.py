"""The plan: the cross-product of what was asked for, each cell with what is left to do of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ecgbench.harness.config import as_dict
from ecgbench.harness.errors import DamagedError
from ecgbench.harness.specs import GeneratorSpec, MetricSpec
from ecgbench.harness.windows import PROTOCOL
from ecgbench.results.records import (
    CellId,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
)

if TYPE_CHECKING:
    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.config import Config
    from ecgbench.harness.study import Study
    from ecgbench.results.store import Store

State = Literal["todo", "done", "failed", "skipped"]


@dataclass(frozen=True)
class Cell:
    """A cell of the plan.

    Attributes:
        id: what it is.
        state: ``done`` when the cell and all its scores have ended and none failed.
        missing: the scores that are wanted and have not ended (or failed, when those are retried).
        reason: why it is skipped or failed.
    """

    id: CellId
    state: State
    missing: tuple[MetricRecord, ...]
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """All cells that were asked for, in the order in which they are worked through.

    Attributes:
        record: what was asked for, for the store.
        cells: one for each of the record's.
        retry_failed: whether cells and scores that failed are run again.
    """

    record: PlanRecord
    cells: tuple[Cell, ...]
    retry_failed: bool = False

    @property
    def todo(self) -> tuple[Cell, ...]:
        """The cells with something left to do."""
        return tuple(cell for cell in self.cells if cell.state == "todo")


def make_plan(
    study: Study,
    catalog: Catalog,
    datasets: list[DatasetRecord],
    store: Store,
    *,
    retry_failed: bool = False,
) -> Plan:
    """Plan a resolved study on prepared datasets.

    Cells are ordered by dataset, seed, then generator, references first: a board is soon worth a
    look, and what a dataset and a seed share is computed in the cheapest cells.

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
    return plan_of(study, datasets, generators, metrics, cells, store, retry_failed=retry_failed)


def plan_of(
    study: Study,
    datasets: list[DatasetRecord],
    generators: list[GeneratorRecord],
    metrics: list[MetricRecord],
    cells: list[CellId],
    store: Store,
    *,
    retry_failed: bool = False,
) -> Plan:
    """The plan of these cells, each scored by each of the metrics."""
    dataset_index = {record.name: i for i, record in enumerate(datasets)}
    generator_index = {record.key: i for i, record in enumerate(generators)}
    record = PlanRecord(
        protocol=PROTOCOL,
        study=study.name,
        settings=board_settings(study),
        datasets=datasets,
        generators=generators,
        metrics=metrics,
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
    states = [state_of(cell, metrics, store, retry_failed=retry_failed) for cell in cells]
    return Plan(record, tuple(states), retry_failed)


def cell_id(dataset: DatasetRecord, generator: GeneratorRecord, seed: int) -> CellId:
    """What one cell of the cross-product is."""
    plain = PluginRecord(
        name=generator.name,
        version=generator.version,
        settings=generator.settings,
        origin=generator.origin,
    )
    return CellId(
        dataset=dataset,
        generator=plain,
        seed=seed,
        protocol=PROTOCOL,
        submitted=generator.submitted,
    )


def board_settings(study: Study) -> dict[str, Any]:
    """What tells a study's numbers from another's, JSON-ready; empty for the plain defaults."""
    found: dict[str, Any] = {}
    if study.windows is not None:
        found["windows"] = study.windows
    if study.smoke:
        found["smoke"] = True
    for kind in ("dataset", "generator", "metric"):
        for name, table in getattr(study, kind).items():
            found |= {f"{kind}.{name}.{k}": msgspec.to_builtins(v) for k, v in table.items()}
    return found


def generator_records(study: Study, catalog: Catalog) -> list[GeneratorRecord]:
    """The reference rows, then the generators of the study, each with its settings."""
    names: list[str] = []
    if study.references:
        specs = [e.spec for e in catalog.of_kind("generator") if isinstance(e.spec, GeneratorSpec)]
        names = [spec.name for spec in specs if spec.reference and not spec.audit]
    names += [name for name in study.generators if name not in names]
    return [
        generator_record(catalog, name, study.settings(catalog.generator(name))) for name in names
    ]


def generator_record(catalog: Catalog, name: str, config: Config) -> GeneratorRecord:
    """A generator with these settings."""
    spec = catalog.generator(name)
    return GeneratorRecord(
        name=name,
        version=spec.version,
        settings=as_dict(config),
        origin=str(catalog.entry("generator", name).origin),
        reference=spec.reference,
    )


def metric_records(study: Study, catalog: Catalog) -> list[MetricRecord]:
    """The metrics of the study, each with its settings; all that are not costly, if it names none."""
    names = study.metrics
    if names is None:
        specs = [e.spec for e in catalog.of_kind("metric")]
        names = tuple(
            dict.fromkeys(s.name for s in specs if not (isinstance(s, MetricSpec) and s.costly))
        )
    records = []
    for name in names:
        spec, origin = catalog.metric(name), catalog.entry("metric", name).origin
        low, high = spec.bounds
        records.append(
            MetricRecord(
                name=name,
                version=spec.version,
                settings=as_dict(study.settings(spec)),
                origin=str(origin),
                family=spec.family,
                better=spec.better,
                bounds=(low if isfinite(low) else None, high if isfinite(high) else None),
                ideal=spec.ideal,
                ranked=spec.is_ranked,
                needs_both_folds=spec.needs_both_folds,
                null=spec.null,
                summary=spec.summary,
            )
        )
    return records


def state_of(
    cell: CellId, metrics: list[MetricRecord], store: Store, *, retry_failed: bool = False
) -> Cell:
    """How far a cell has come in the store; what is damaged there is still to do."""
    try:
        record = store.cell(cell.name)
    except DamagedError:
        return Cell(cell, "todo", tuple(metrics), "its record is damaged")
    if record is None or (record.status == "failed" and retry_failed):
        return Cell(cell, "todo", tuple(metrics))
    if record.status != "ok":
        return Cell(cell, record.status, (), record.reason)
    missing, failed = [], []
    for metric in metrics:
        try:
            score = store.score(cell.name, metric)
        except DamagedError:
            score = None
        if score is not None and score.synthetic != record.synthetic:
            score = None  # it is of other windows
        if score is None or (score.status == "failed" and retry_failed):
            missing.append(metric)
        elif score.status == "failed":
            failed.append(f"{metric.name}: {score.reason}")
    if missing:
        return Cell(cell, "todo", tuple(missing))
    return Cell(cell, "failed" if failed else "done", (), "; ".join(failed))
