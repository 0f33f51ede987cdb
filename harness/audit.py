"""The audit: every metric shown real windows with controlled doses of known faults."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import msgspec

from ecgbench.harness.config import build
from ecgbench.harness.errors import StoreError
from ecgbench.harness.plan import cell_id, generator_record, metric_records, plan_of
from ecgbench.harness.specs import MetricSpec
from ecgbench.harness.study import Study
from ecgbench.results.audit import MUST, SERIES, AuditRecord, Series, judge
from ecgbench.results.store import Store

if TYPE_CHECKING:
    from ecgbench.harness.catalog import Catalog
    from ecgbench.harness.plan import Plan
    from ecgbench.results.audit import Values
    from ecgbench.results.records import (
        CellId,
        DatasetRecord,
        GeneratorRecord,
        MetricRecord,
        ScoreRecord,
    )

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


def claims(catalog: Catalog, metric: MetricRecord) -> tuple[str, ...]:
    """The series that a metric is held to."""
    sees = catalog.metric(metric.name).sees
    return MUST.get(metric.family, ()) if sees is None else sees


def shown(catalog: Catalog, metric: MetricRecord) -> list[Series]:
    """The series that a metric is shown: what it claims to see, and of its family the others.

    ``members`` is what a metric of people sees; the windows of one who was not copied are no fault
    to any other.
    """
    held = claims(catalog, metric)
    others = catalog.metric(metric.name).audited_on == "family"
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
            found[metric.name] = f"no fault belongs to {metric.family}, and it claims to see none"
    for entry in catalog.of_kind("metric") if study.metrics is None else ():
        if isinstance(entry.spec, MetricSpec) and entry.spec.costly:
            found[entry.spec.name] = "it is costly, and audited only where --metrics names it"
    return found


def make_plans(
    study: Study, catalog: Catalog, datasets: list[DatasetRecord], store: Store, *, retry: bool
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
        plans.append(
            plan_of(study, datasets, generators, metrics, cells, store, retry_failed=retry)
        )
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
        found += [
            _record(dataset, metric, cells, catalog, store, study) for metric in plan.record.metrics
        ]
    return [record for record in found if record is not None]


def _record(
    dataset: DatasetRecord,
    metric: MetricRecord,
    cells: list[CellId],
    catalog: Catalog,
    store: Store,
    study: Study,
) -> AuditRecord | None:
    """The audit of one metric on one dataset; None where it applies to no dose."""
    values: dict[tuple[str, float], Values] = {}
    skipped = ""
    reasons: dict[tuple[str, float], str] = {}
    ended: list[ScoreRecord] = []
    for cell in cells:
        try:
            score = store.score(cell.name, metric)
        except StoreError:
            score = None
        settings = cell.generator.settings
        fault = settings["fault"], settings["sigma"]
        if score is None:
            continue
        if score.status == "failed":
            reasons[fault] = score.reason
        elif score.value is None:
            skipped = score.reason
        else:
            values.setdefault(fault, {})[settings["amount"], cell.seed] = score.value
            ended.append(score)
    at_0 = {seed: value for (_, seed), value in values.get(("none", 0.0), {}).items()}
    if not ended and not reasons and not skipped:
        return None  # no cell has been made
    found = {
        series.name: (series, values.get(of, {}), reasons.get(of, reasons.get(("none", 0.0), "")))
        for series in shown(catalog, metric)
        if (of := (series.fault, series.sigma)) in values or of in reasons
    }
    held = claims(catalog, metric)
    series, verdict, blind, rewarded = judge(metric, found, at_0, held)
    if held and verdict == "open":
        verdict, skipped = "skipped", skipped or f"{dataset.name} cannot show it {', '.join(held)}"
    return AuditRecord(
        dataset=dataset,
        enlarged=list(STUDY.dataset.get(dataset.name, ())),
        metric=metric,
        seeds=list(study.seeds),
        seeds_at_0=sorted(at_0),
        windows=_windows(store, cells),
        series=series,
        verdict=verdict,
        blind=blind,
        reversed=rewarded,
        seconds=median(score.cpu_seconds for score in ended) if ended else 0.0,
        reason=skipped if verdict == "skipped" else "",
    )


def _windows(store: Store, cells: list[CellId]) -> int | None:
    for cell in cells:
        if (record := store.cell(cell.name)) is not None:
            return record.sizes.get("fresh")
    return None


def resolved(study: Study, datasets: tuple[str, ...]) -> Study:
    """The study with only the settings of datasets that it has."""
    kept = {name: table for name, table in study.dataset.items() if name in datasets}
    return msgspec.structs.replace(study, datasets=datasets, dataset=kept)
