"""Audits in a store: how each metric responds to known doses of known faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ecgbench.contracts.errors import DamagedError
from ecgbench.contracts.faults import DOSES
from ecgbench.results.store.records import SCHEMA, DatasetRecord, MetricRecord, digest_of
from ecgbench.results.store.store import read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ecgbench.results.store.store import Store

Response = Literal["seen", "blind", "unclear", "reversed", "failed"]
Verdict = Literal["passes", "fails", "open", "skipped"]


class SeriesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric responds to one fault.

    Attributes:
        name: the fault's.
        unit: of the amounts.
        amounts: ascending, first 0.
        means: the metric's mean value at each amount, over seeds, folds weighing equally.
        worse: the worsening from amount 0, in the metric's own unit.
        threshold: the least ``worse`` to be told from 0, by the spread over seeds at 0.
        rho: Spearman's rank correlation of amount and ``worse`` over all seeds, with its interval.
        smallest: the least amount with every dose from it on told from 0; None without one.
        response: the metric's response in one word.
        claimed: whether the metric is held to it.
        reason: why it could not be measured.
    """

    name: str
    unit: str
    amounts: list[float]
    means: list[float]
    worse: list[float]
    threshold: float | None
    rho: float | None
    rho_low: float | None
    rho_high: float | None
    smallest: float | None
    response: Response
    claimed: bool
    reason: str = ""


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``audit/verdicts/<dataset>/<metric>-<key>.json``: the audit of one metric on one dataset.

    Attributes:
        doses: `DOSES` at that time.
        dataset: as it was audited.
        enlarged: names of the settings of the dataset's size; a board may have others.
        metric: as it was used.
        seeds: of the doses.
        seeds_at_0: of the windows without a fault.
        windows: synthetic ones, in the first cell.
        series: by fault.
        verdict: whether the metric sees its claims; open if it has none, skipped if none of them could
            be shown.
        reason: why it was skipped.
        blind: unseen faults of its family, claimed or not.
        reversed: rewarded faults.
        seconds: median processor time of the metric.
    """

    schema: int = SCHEMA
    doses: int = 1
    dataset: DatasetRecord
    enlarged: list[str] = []
    metric: MetricRecord
    seeds: list[int]
    seeds_at_0: list[int]
    windows: int | None
    series: list[SeriesRecord]
    verdict: Verdict
    blind: list[str]
    reversed: list[str]
    seconds: float
    reason: str = ""

    @property
    def key(self) -> str:
        """12 hexadecimal digits of metric, windows and seeds."""
        return digest_of([self.metric.key, self.dataset.key, self.seeds])

    @property
    def has_failed(self) -> bool:
        """Whether a series could not be measured."""
        return any(series.response == "failed" for series in self.series)

    @property
    def seen(self) -> int:
        """Synthetic windows of a dose, over all seeds."""
        return (self.windows or 0) * len(self.seeds)

    def is_on(self, dataset: DatasetRecord) -> bool:
        """Return whether these are windows of the same kind, however many."""
        return self._kind(self.dataset) == self._kind(dataset)

    def _kind(self, dataset: DatasetRecord) -> list[object]:
        name, version, settings, *local = dataset.identity
        alike = {k: v for k, v in settings.items() if k not in self.enlarged}
        return [name, version, alike, *local]


def write_audit(store: Store, record: AuditRecord) -> AuditRecord:
    """Write an audit in place of earlier ones of the metric on fewer windows of this kind.

    Returns:
        The audit that stands: this one, or an earlier one of more windows.
    """
    rivals = [
        rival
        for rival in audits(store, record.dataset.name)
        if rival.metric.key == record.metric.key and rival.is_on(record.dataset)
    ]
    if larger := [rival for rival in rivals if rival.seen > record.seen]:
        return larger[0]
    write_record(_file(store, record), record)
    for rival in rivals:
        if rival.key != record.key:
            _file(store, rival).unlink(missing_ok=True)
    return record


def audits(store: Store, dataset: str | None = None) -> Iterator[AuditRecord]:
    """Yield the audits of a store by today's doses, by dataset and metric, without damaged ones."""
    for file in sorted((store.path / "audit" / "verdicts").glob(f"{dataset or '*'}/*.json")):
        try:
            record = read_record(file, AuditRecord)
        except DamagedError:
            continue
        if record is not None and record.doses == DOSES:
            yield record


def verdicts(store: Store, dataset: DatasetRecord) -> dict[str, Verdict]:
    """Return the verdicts on a dataset by the metric's key."""
    return {
        record.metric.key: record.verdict
        for record in audits(store, dataset.name)
        if record.is_on(dataset)
    }


def _file(store: Store, record: AuditRecord) -> Path:
    folder = store.path / "audit" / "verdicts" / record.dataset.name
    return folder / f"{record.metric.name}-{record.key}.json"
