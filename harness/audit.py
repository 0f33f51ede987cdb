"""The audit: every metric shown real windows with controlled doses of known faults."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ecgbench.contracts.config import build
from ecgbench.contracts.faults import DOSES, FAULTS
from ecgbench.contracts.specs import MetricSpec
from ecgbench.harness.planning.plan import cell_id, generator_record, metric_records, plan_of
from ecgbench.harness.planning.study import Study
from ecgbench.results.audit.judge import Measured, judge
from ecgbench.results.audit.records import AuditRecord
from ecgbench.results.store.states import cell_outcome, score_outcome
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from ecgbench.contracts.faults import Fault
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Plan
    from ecgbench.results.audit.judge import Values
    from ecgbench.results.store.records import (
        CellId,
        DatasetRecord,
        GeneratorRecord,
        MetricRecord,
        ScoreRecord,
        Status,
    )
    from ecgbench.results.store.states import CellOutcome

DOSE = "dose"
"""The name of the generator of doses."""

STUDY = Study(
    name="audit",
    summary="real windows with controlled doses of known faults",
    seeds=(0, 1, 2, 3),
    windows=26_000,
    references=False,
    generators=(DOSE,),
    dataset={"ecgsyn": {"beats": 650}},
)
"""By default some 2,000 synthetic windows a cell."""


def store_of(store: Store) -> Store:
    """Return the store of the audit's cells, within a store; no board reads them."""
    return Store(store.path / "audit")


def seeds_at_0(study: Study) -> tuple[int, ...]:
    """Return the seeds of the windows without a fault: the seeds of the doses, and as many more."""
    more = range(max(study.seeds) + 1, max(study.seeds) + 1 + len(study.seeds))
    return (*study.seeds, *more)


def shown(catalog: Catalog, metric: MetricRecord) -> list[Fault]:
    """Return the faults to show a metric: its claims, and the other faults of its family."""
    spec = catalog.metric(metric.name)
    held, others = spec.claims, spec.audited_on == "family"
    return [
        fault
        for fault in FAULTS.values()
        if fault.name in held or (others and metric.family in fault.shown_to)
    ]


def left_out(study: Study, catalog: Catalog) -> dict[str, str]:
    """Return why metrics are not audited, by name.

    A metric of a family without faults is left out in silence, unless the study names it.
    """
    audited = {family for fault in FAULTS.values() for family in fault.shown_to}
    reasons = {}
    for metric in metric_records(study, catalog):
        if not shown(catalog, metric) and (metric.family in audited or study.metrics is not None):
            reasons[metric.name] = "it claims to see no fault, and no fault is for its family"
    for entry in catalog.of_kind("metric") if study.metrics is None else ():
        if isinstance(entry.spec, MetricSpec) and entry.spec.costly:
            reasons[entry.spec.name] = "it is costly, and audited only where --metrics names it"
    return reasons


def make_plans(
    study: Study,
    catalog: Catalog,
    datasets: list[DatasetRecord],
    store: Store,
    *,
    retry: bool,
    fresh: bool = False,
) -> list[Plan]:
    """Return plans that together show each metric its faults; metrics with the same faults share one."""
    metrics_of: dict[tuple[str, ...], list[MetricRecord]] = {}
    for metric in metric_records(study, catalog):
        if faults := tuple(fault.name for fault in shown(catalog, metric)):
            metrics_of.setdefault(faults, []).append(metric)
    plans = []
    how = {"retry_failed": retry, "fresh": fresh}
    for names, metrics in metrics_of.items():
        doses: dict[str, tuple[GeneratorRecord, tuple[int, ...]]] = {}
        for settings in _doses(names):
            config = build(catalog.generator(DOSE).config, settings, where=f"generator {DOSE}")
            record = generator_record(catalog, DOSE, config)
            doses[record.key] = record, study.seeds if settings["amount"] else seeds_at_0(study)
        generators = [record for record, _ in doses.values()]
        cells = [
            cell_id(dataset, record, seed)
            for dataset in datasets
            for seed in seeds_at_0(study)
            for record, seeds in doses.values()
            if seed in seeds
        ]
        plans.append(plan_of(study, datasets, generators, metrics, cells, store, **how))
    return plans


def _doses(names: tuple[str, ...]) -> list[dict[str, str | float]]:
    """Return the generator's settings for every dose of these faults; first those without a fault."""
    doses: list[dict[str, str | float]] = [{"fault": "none", "amount": 0.0, "sigma": 0.0}]
    for fault in map(FAULTS.__getitem__, names):
        amounts = (0.0, *fault.amounts) if fault.own_0 else fault.amounts
        doses += [
            {"fault": fault.kind, "amount": amount, "sigma": fault.sigma} for amount in amounts
        ]
    return doses


def audit_records(plan: Plan, catalog: Catalog, store: Store, study: Study) -> list[AuditRecord]:
    """Return the audit of each metric on each dataset, from the cells of a plan."""
    records = []
    for dataset in plan.record.datasets:
        cells = [cell.id for cell in plan.cells if cell.id.dataset.name == dataset.name]
        doses = {cell.name: cell_outcome(store, cell.name) for cell in cells}
        finished = (dose.record for dose in doses.values() if dose.record is not None)
        sizes = (record.sizes.get("fresh") for record in finished)
        windows = next((size for size in sizes if size is not None), None)
        for metric in plan.record.metrics:
            ends: dict[DoseKind, list[DoseEnd]] = {}
            for cell in cells:
                settings = cell.generator.settings
                kind = settings["fault"], settings["sigma"]
                end = _end(store, cell, doses[cell.name], metric)
                ends.setdefault(kind, []).append(end)
            records.append(_record(dataset, metric, ends, windows, catalog, study))
    return records


DoseKind = tuple[str, float]
"""The generator's settings ``fault`` and ``sigma``: together they identify a fault."""


class DoseEnd(NamedTuple):
    """How a metric ended on one dose with one seed."""

    amount: float
    seed: int
    status: Status
    reason: str = ""
    score: ScoreRecord | None = None


def _end(store: Store, cell: CellId, dose: CellOutcome, metric: MetricRecord) -> DoseEnd:
    at = cell.generator.settings["amount"], cell.seed
    if dose.status in ("skipped", "failed"):
        return DoseEnd(*at, dose.status, f"this dose {dose.status}: {dose.reason}")
    if dose.record is not None:
        score = score_outcome(store.score_file(cell.name, metric), dose.record, metric)
        if score.status != "todo":
            return DoseEnd(*at, score.status, score.reason, score.record)
    return DoseEnd(*at, "failed", "a dose was not finished; the same command goes on from there")


def _record(
    dataset: DatasetRecord,
    metric: MetricRecord,
    ends: dict[DoseKind, list[DoseEnd]],
    windows: int | None,
    catalog: Catalog,
    study: Study,
) -> AuditRecord:
    """Return the audit of one metric on one dataset."""
    held = catalog.metric(metric.name).claims
    values = {kind: _values(of_kind) for kind, of_kind in ends.items()}
    fresh = ("none", 0.0)
    without = _lacks(ends[fresh]) if any(values.values()) or _has_failed(ends[fresh]) else ""
    measured, skipped = [], {}
    for fault in shown(catalog, metric):
        kind = (fault.kind, fault.sigma)
        if values[kind] or _has_failed(ends[kind]):
            measured.append(Measured(fault, values[kind], _lacks(ends[kind]) or without))
        else:
            skipped[fault.name] = ends[kind][0].reason
    at_0 = {seed: value for (_, seed), value in values[fresh].items()}
    series, verdict, blind, rewarded = judge(metric, measured, at_0, held)
    reason = ""
    if held and verdict == "open":
        verdict, reason = "skipped", next(skipped[name] for name in held if name in skipped)
    scores = [end.score for of_kind in ends.values() for end in of_kind if end.score is not None]
    return AuditRecord(
        doses=DOSES,
        dataset=dataset,
        enlarged=list(STUDY.dataset.get(dataset.name, ())),
        metric=metric,
        seeds=list(study.seeds),
        seeds_at_0=sorted(at_0),
        windows=windows,
        series=series,
        verdict=verdict,
        blind=blind,
        reversed=rewarded,
        seconds=median(score.cpu_seconds for score in scores) if scores else 0.0,
        reason=reason,
    )


def _values(ends: list[DoseEnd]) -> Values:
    return {
        (end.amount, end.seed): end.score.value
        for end in ends
        if end.status == "ok" and end.score is not None and end.score.value is not None
    }


def _has_failed(ends: list[DoseEnd]) -> bool:
    return any(end.status == "failed" for end in ends)


def _lacks(ends: list[DoseEnd]) -> str:
    """Return why a dose is missing; empty if none is."""
    for status in ("failed", "skipped"):
        for end in ends:
            if end.status == status:
                return f"at {end.amount:g}, seed {end.seed}: {end.reason}"
    return ""


def resolved(study: Study, datasets: tuple[str, ...]) -> Study:
    """Return the study for these datasets, without settings of others."""
    kept = {name: table for name, table in study.dataset.items() if name in datasets}
    return msgspec.structs.replace(study, datasets=datasets, dataset=kept)
