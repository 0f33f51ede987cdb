"""What is made of doses that failed, were skipped, or are not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.faults import DOSES
from ecgbench.harness.audit import DOSE, STUDY, DoseEnd, _record, left_out, shown
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import metric_records
from ecgbench.harness.planning.study import Study
from ecgbench.results.store.records import DatasetRecord, ScoreRecord

if TYPE_CHECKING:
    from ecgbench.harness.audit import DoseKind
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.audit.records import AuditRecord
    from ecgbench.results.store.records import MetricRecord, Status

PLUGINS = Path(__file__).parents[1] / "plugins" / "audited.py"
NOISE, FRESH = ("noise", 0.0), ("none", 0.0)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return discover([PLUGINS])


@pytest.fixture
def metric(catalog: Catalog) -> MetricRecord:
    [record] = metric_records(Study(metrics=("slow",)), catalog)
    return record


@pytest.fixture
def ends(catalog: Catalog, metric: MetricRecord) -> dict[DoseKind, list[DoseEnd]]:
    """As if a value were ten times the dose, and its noise a hundredth of the seed."""
    series = {(s.kind, s.sigma): s.amounts for s in shown(catalog, metric)}
    assert list(series) == [NOISE]
    doses = {FRESH: [(0.0, seed) for seed in range(8)]}
    doses |= {
        of: [(a, seed) for a in amounts for seed in range(4)] for of, amounts in series.items()
    }
    return {
        of: [DoseEnd(a, seed, "ok", "", score(metric, 10 * a + seed / 100)) for a, seed in places]
        for of, places in doses.items()
    }


def score(metric: MetricRecord, value: float) -> ScoreRecord:
    return ScoreRecord(
        metric=metric,
        cell="d/dose/seed-0-0123456789ab",
        synthetic="",
        status="ok",
        value=value,
    )


def all_of(
    whole: dict[DoseKind, list[DoseEnd]], status: Status, reason: str
) -> dict[DoseKind, list[DoseEnd]]:
    return {
        of: [DoseEnd(end.amount, end.seed, status, reason) for end in ends]
        for of, ends in whole.items()
    }


def record(
    ends: dict[DoseKind, list[DoseEnd]], metric: MetricRecord, catalog: Catalog
) -> AuditRecord:
    dataset = DatasetRecord(name="d", version=1, settings={}, origin="x 1", digest="0")
    return _record(dataset, metric, ends, 500, catalog, STUDY)


def test_a_whole_series_is_judged(
    ends: dict[DoseKind, list[DoseEnd]], metric: MetricRecord, catalog: Catalog
) -> None:
    found = record(ends, metric, catalog)
    assert (found.verdict, found.series[0].smallest, found.has_failed) == ("passes", 0.05, False)


@pytest.mark.parametrize("status", ["failed", "skipped"])
@pytest.mark.parametrize("of", [NOISE, FRESH])
def test_a_dose_that_is_lacking_fails_the_series(
    ends: dict[DoseKind, list[DoseEnd]],
    metric: MetricRecord,
    catalog: Catalog,
    status: Status,
    of: DoseKind,
) -> None:
    last = ends[of][-1]
    ends[of][-1] = DoseEnd(last.amount, last.seed, status, "boom")
    found = record(ends, metric, catalog)
    assert (found.verdict, found.series[0].response, found.has_failed) == ("fails", "failed", True)
    assert found.series[0].reason == f"at {last.amount:g}, seed {last.seed}: boom"


def test_a_metric_that_skips_every_dose_is_skipped(
    ends: dict[DoseKind, list[DoseEnd]], metric: MetricRecord, catalog: Catalog
) -> None:
    found = record(all_of(ends, "skipped", "no attributes"), metric, catalog)
    assert (found.verdict, found.reason, found.series) == ("skipped", "no attributes", [])


def test_every_dose_failed_is_no_silence(
    ends: dict[DoseKind, list[DoseEnd]], metric: MetricRecord, catalog: Catalog
) -> None:
    assert record(all_of(ends, "failed", "killed"), metric, catalog).verdict == "fails"


def test_an_audit_carries_the_version_of_the_doses(
    ends: dict[DoseKind, list[DoseEnd]], metric: MetricRecord, catalog: Catalog
) -> None:
    assert record(ends, metric, catalog).doses == DOSES == catalog.generator(DOSE).version


def test_what_is_not_audited_is_told(catalog: Catalog) -> None:
    told = left_out(STUDY, catalog)
    assert "costly" in told["likelihood-ratio-membership-inference"]
    assert "fit-time" not in told
    assert "no fault" in left_out(Study(metrics=("time",)), catalog)["time"]
