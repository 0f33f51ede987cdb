"""The audit: every metric shown real windows with controlled doses of known faults."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ecgbench.contracts.config import build
from ecgbench.contracts.specs import MetricSpec
from ecgbench.harness.planning.plan import cell_id, generator_record, metric_records, plan_of
from ecgbench.harness.planning.study import Study
from ecgbench.results.audit.records import DOSES, SERIES, AuditRecord, Series, judge
from ecgbench.results.store.states import cell_outcome, score_outcome
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Plan
    from ecgbench.results.audit.records import Values
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
"""The generator."""

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
    """The store within a store in which the audit's cells stand; no board reads them."""
    return Store(store.path / "audit")


def seeds_at_0(study: Study) -> tuple[int, ...]:
    """The seeds of the windows without a fault: those of the doses, and as many more."""
    more = range(max(study.seeds) + 1, max(study.seeds) + 1 + len(study.seeds))
    return (*study.seeds, *more)


def shown(catalog: Catalog, metric: MetricRecord) -> list[Series]:
    """The series that a metric is shown: what it claims to see, and of its family the others.

    ``members`` is what a metric of people sees; the windows of one who was not copied are no fault
    to any other.
    """
    spec = catalog.metric(metric.name)
    held, others = spec.claims, spec.audited_on == "family"
    return [
        series
        for series in SERIES
        if series.name in held
        or (others and metric.family in series.families and series.fault != "members")
    ]


def left_out(study: Study, catalog: Catalog) -> dict[str, str]:
    """Why metrics are not audited: those that the study names, or of which one might expect it."""
    found = {}
    for metric in metric_records(study, catalog):
        if not shown(catalog, metric) and (metric.family != "cost" or study.metrics is not None):
            found[metric.name] = "there is no fault that it claims to see or its family is shown"
    for entry in catalog.of_kind("metric") if study.metrics is None else ():
        if isinstance(entry.spec, MetricSpec) and entry.spec.costly:
            found[entry.spec.name] = "it is costly, and audited only where --metrics names it"
    return found


def make_plans(
    study: Study,
    catalog: Catalog,
    datasets: list[DatasetRecord],
    store: Store,
    *,
    retry: bool,
    fresh: bool = False,
) -> list[Plan]:
    """Plans that together show each metric what it is to be shown.

    Metrics that are shown the same series share a plan.
    """
    metrics_of: dict[tuple[str, ...], list[MetricRecord]] = {}
    for metric in metric_records(study, catalog):
        names = tuple(series.name for series in shown(catalog, metric))
        if names:
            metrics_of.setdefault(names, []).append(metric)
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
    """Settings of the generator, of every dose of these series; first none at all."""
    found: list[dict[str, str | float]] = [{"fault": "none", "amount": 0.0, "sigma": 0.0}]
    for series in SERIES:
        if series.name in names:
            amounts = (0.0, *series.amounts) if series.fault == "members" else series.amounts
            found += [
                {"fault": series.fault, "amount": amount, "sigma": series.sigma}
                for amount in amounts
            ]
    return found


def audit_records(plan: Plan, catalog: Catalog, store: Store, study: Study) -> list[AuditRecord]:
    """What a plan that was worked through says of each metric on each dataset."""
    found = []
    for dataset in plan.record.datasets:
        cells = [cell.id for cell in plan.cells if cell.id.dataset.name == dataset.name]
        doses = {cell.name: cell_outcome(store, cell.name) for cell in cells}
        records = (dose.record for dose in doses.values())
        sizes = (record.sizes.get("fresh") for record in records if record is not None)
        windows = next((size for size in sizes if size is not None), None)
        for metric in plan.record.metrics:
            ended: dict[Of, list[Ended]] = {}
            for cell in cells:
                settings = cell.generator.settings
                of = settings["fault"], settings["sigma"]
                end = _end(store, cell, doses[cell.name], metric)
                ended.setdefault(of, []).append(end)
            found.append(_record(dataset, metric, ended, windows, catalog, study))
    return found


Of = tuple[str, float]
"""A fault and the noise on it: what tells series apart."""


class Ended(NamedTuple):
    """How a metric ended on one dose with one seed."""

    amount: float
    seed: int
    status: Status
    reason: str = ""
    score: ScoreRecord | None = None


def _end(store: Store, cell: CellId, dose: CellOutcome, metric: MetricRecord) -> Ended:
    at = cell.generator.settings["amount"], cell.seed
    if dose.status in ("skipped", "failed"):
        return Ended(*at, dose.status, f"this dose {dose.status}: {dose.reason}")
    if dose.record is not None:
        score = score_outcome(store.score_file(cell.name, metric), dose.record, metric)
        if score.status != "todo":
            return Ended(*at, score.status, score.reason, score.record)
    return Ended(*at, "failed", "a dose was not finished; the same command goes on from there")


def _record(
    dataset: DatasetRecord,
    metric: MetricRecord,
    ended: dict[Of, list[Ended]],
    windows: int | None,
    catalog: Catalog,
    study: Study,
) -> AuditRecord:
    """The audit of one metric on one dataset."""
    held = catalog.metric(metric.name).claims
    values = {of: _values(ends) for of, ends in ended.items()}
    fresh = ("none", 0.0)
    without = _lacks(ended[fresh]) if any(values.values()) or _has_failed(ended[fresh]) else ""
    found, skipped = {}, {}
    for series in shown(catalog, metric):
        of = (series.fault, series.sigma)
        ends = ended[of]
        if values[of] or _has_failed(ends):
            found[series.name] = series, values[of], _lacks(ends) or without
        else:
            skipped[series.name] = ends[0].reason
    at_0 = {seed: value for (_, seed), value in values[fresh].items()}
    series_records, verdict, blind, rewarded = judge(metric, found, at_0, held)
    reason = ""
    if held and verdict == "open":
        verdict, reason = "skipped", next(skipped[name] for name in held if name in skipped)
    scores = [end.score for ends in ended.values() for end in ends if end.score is not None]
    return AuditRecord(
        doses=DOSES,
        dataset=dataset,
        enlarged=list(STUDY.dataset.get(dataset.name, ())),
        metric=metric,
        seeds=list(study.seeds),
        seeds_at_0=sorted(at_0),
        windows=windows,
        series=series_records,
        verdict=verdict,
        blind=blind,
        reversed=rewarded,
        seconds=median(score.cpu_seconds for score in scores) if scores else 0.0,
        reason=reason,
    )


def _values(ends: list[Ended]) -> Values:
    return {
        (end.amount, end.seed): end.score.value
        for end in ends
        if end.status == "ok" and end.score is not None and end.score.value is not None
    }


def _has_failed(ends: list[Ended]) -> bool:
    return any(end.status == "failed" for end in ends)


def _lacks(ends: list[Ended]) -> str:
    """Why a series is not whole: a part of it tells nothing of the fault."""
    for status in ("failed", "skipped"):
        for end in ends:
            if end.status == status:
                return f"at {end.amount:g}, seed {end.seed}: {end.reason}"
    return ""


def resolved(study: Study, datasets: tuple[str, ...]) -> Study:
    """The study with only the settings of datasets that it has."""
    kept = {name: table for name, table in study.dataset.items() if name in datasets}
    return msgspec.structs.replace(study, datasets=datasets, dataset=kept)
