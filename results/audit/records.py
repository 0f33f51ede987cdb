"""What an audit found: how each metric responds to known doses of known faults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from ecgbench.contracts.errors import DamagedError
from ecgbench.results.store.records import SCHEMA, DatasetRecord, MetricRecord, digest_of
from ecgbench.results.store.store import read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench.results.store.store import Store

Response = Literal["seen", "blind", "unclear", "reversed", "failed"]
Verdict = Literal["passes", "fails", "open", "skipped"]
Values = dict[tuple[float, int], float]
"""Of one fault: the metric's value by amount and seed."""

LEVEL = 0.95

DOSES = 2
"""Raised when a dose is another, or a family must see another: what an audit found of earlier ones counts no
more.  It is the version of the generator `dose`."""


@dataclass(frozen=True)
class Series:
    """One fault in growing doses.

    Attributes:
        fault: of the generator `dose`.
        amounts: ascending, without 0, which every series has too.
        families: whose metrics are shown it.
        sigma: noise on copies, in deviations of the lead.
        unit: of the amounts, in words.
    """

    fault: str
    amounts: tuple[float, ...]
    families: tuple[str, ...]
    sigma: float = 0.0
    unit: str = ""

    @property
    def name(self) -> str:
        """What a metric's ``sees`` calls it."""
        return f"{self.fault}-noise-{self.sigma:g}" if self.sigma else self.fault


LOOKS = ("fidelity", "utility", "diversity")
SHARES = (0.1, 0.25, 0.5, 1.0)
COPIED = (0.01, 0.1, 0.5, 1.0)

SERIES = (
    Series("noise", (0.05, 0.1, 0.2, 0.5, 1.0), LOOKS, unit="deviations of the lead"),
    Series("gain", (0.05, 0.1, 0.2, 0.5), LOOKS, unit="amplitude gained"),
    Series("shift", (0.008, 0.024, 0.064, 0.16), LOOKS, unit="s"),
    Series("warp", (0.02, 0.05, 0.1, 0.2), LOOKS, unit="duration gained"),
    Series("smoothing", (0.005, 0.01, 0.02, 0.04), LOOKS, unit="s"),
    Series("slope", (0.1, 0.25, 0.5, 1.0), LOOKS, unit="exponent of the frequency"),
    Series("class-collapse", SHARES, LOOKS, unit="share of the rarer classes"),
    Series("mode-drop", (0.1, 0.25, 0.5, 0.75), LOOKS, unit="share of each class"),
    Series("patient-drop", (0.25, 0.5, 0.75, 0.9), LOOKS, unit="share of the people"),
    Series("duplication", (1.0, 4.0, 19.0, 99.0), LOOKS, unit="further copies of each window"),
    Series("shrinking", (0.1, 0.25, 0.5, 0.9), LOOKS, unit="share of the way to the class mean"),
    Series("gain-scatter", (0.1, 0.25, 0.5, 1.0), LOOKS, unit="deviation of the log amplitude"),
    Series("outliers", COPIED, LOOKS, unit="share of the windows"),
    Series("mode-collapse", SHARES, LOOKS, unit="share of the windows"),
    Series("collapse-outliers", SHARES, LOOKS, unit="share of the windows"),
    *(
        Series("copies", COPIED, ("privacy",), sigma, "share of the windows")
        for sigma in (0.0, 0.02, 0.05, 0.1, 0.2)
    ),
    Series("copied-people", SHARES, ("privacy",), unit="share of the people"),
    Series("members", (0.01, 0.1, 0.5, 1.0), ("privacy",), unit="share of the windows"),
)


class SeriesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric responds to one fault.

    Attributes:
        name: of the series.
        unit: of the amounts.
        amounts: ascending, first 0.
        means: of the metric's value at each amount, over seeds, folds weighing equally.
        worse: how much worse than at 0, in the metric's own unit.
        threshold: what ``worse`` must exceed to be told from 0, by the spread over seeds at 0.
        rho: Spearman's rank correlation of amount and ``worse`` over all seeds, with its interval.
        smallest: the least amount from which on every dose is told from 0; None if none is.
        response: what it comes to.
        claimed: whether the metric is held to it.
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
        enlarged: its settings that may be others on a board: how large the dataset is made.
        metric: as it was used.
        seeds: of the doses.
        seeds_at_0: of the windows without a fault.
        windows: synthetic ones, in the first cell.
        series: by fault.
        verdict: whether the metric sees what it is held to; open if it is held to nothing, skipped
            if it was shown none of that.
        reason: why it was skipped.
        blind: faults of its family that it does not see, claimed or not.
        reversed: faults that it rewards.
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
        """12 hexadecimal digits of the metric, the windows and the seeds that were used."""
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
        """Whether these are windows of the same kind, be they more or fewer."""
        return self._kind(self.dataset) == self._kind(dataset)

    def _kind(self, dataset: DatasetRecord) -> list[object]:
        name, version, settings, *local = dataset.identity
        alike = {k: v for k, v in settings.items() if k not in self.enlarged}
        return [name, version, alike, *local]


def judge(
    metric: MetricRecord,
    found: Mapping[str, tuple[Series, Values, str]],
    at_0: Mapping[int, float],
    claims: Sequence[str],
) -> tuple[list[SeriesRecord], Verdict, list[str], list[str]]:
    """Series, verdict, blind spots and what is rewarded.

    Args:
        metric: audited.
        found: by name of the series: the values at each amount and seed, and why any failed.
        at_0: the values without a fault, by seed.
        claims: names of the series that the metric is held to.
    """
    series = []
    for name, (each, values, reason) in found.items():
        own = {seed: v for (amount, seed), v in values.items() if amount == 0} or dict(at_0)
        doses = {key: v for key, v in values.items() if key[0] > 0}
        if reason or (doses and len(own) > 1):
            series.append(_respond(each, metric.better, own, doses, name in claims, reason))
    held = [record.response for record in series if record.claimed]
    verdict: Verdict = "open"
    if held:
        verdict = "passes" if all(response == "seen" for response in held) else "fails"
    blind = [r.name for r in series if r.response in ("blind", "unclear")]
    return series, verdict, blind, [r.name for r in series if r.response == "reversed"]


def _respond(
    series: Series,
    better: str,
    at_0: Mapping[int, float],
    doses: Values,
    claimed: bool,
    reason: str,
) -> SeriesRecord:
    sign = 1.0 if better == "lower" else -1.0
    common = {"name": series.name, "unit": series.unit, "claimed": claimed}
    if reason:
        return SeriesRecord(
            **common,  # type: ignore[arg-type]
            amounts=[],
            means=[],
            worse=[],
            threshold=None,
            rho=None,
            rho_low=None,
            rho_high=None,
            smallest=None,
            response="failed",
            reason=reason,
        )
    centre = _by_fold(at_0)
    amounts = sorted({amount for amount, _ in doses})
    means, worse, pairs = [float(np.mean(list(centre.values())))], [0.0], []
    seeds = sorted({seed for _, seed in doses})
    for seed, value in at_0.items():
        pairs.append((0.0, sign * (value - centre[seed % 2])))
    for amount in amounts:
        of_amount = {seed: doses[amount, seed] for seed in seeds if (amount, seed) in doses}
        gone = {seed: sign * (v - centre[seed % 2]) for seed, v in of_amount.items()}
        pairs += [(amount, each) for each in gone.values()]
        means.append(float(np.mean(list(_by_fold(of_amount).values()))))
        worse.append(float(np.mean(list(_by_fold(gone).values()))))
    threshold = detection_threshold(at_0, len(seeds))
    rho, low, high = spearman(np.array(pairs))
    told = [each > threshold for each in worse[1:]]
    smallest = None
    for amount, is_told in zip(reversed(amounts), reversed(told), strict=True):
        if not is_told:
            break
        smallest = amount
    response: Response = "blind"
    if smallest is not None:
        response = "seen" if low > 0 else "unclear"
    elif worse[-1] < -threshold:
        response = "reversed"
    elif any(told):
        response = "unclear"
    return SeriesRecord(
        **common,  # type: ignore[arg-type]
        amounts=[0.0, *amounts],
        means=means,
        worse=worse,
        threshold=threshold,
        rho=rho,
        rho_low=low,
        rho_high=high,
        smallest=smallest,
        response=response,
    )


def _by_fold(values: Mapping[int, float]) -> dict[int, float]:
    """The mean over the seeds of each fold; of a fold without any, the other's."""
    means = {
        fold: float(np.mean([v for seed, v in values.items() if seed % 2 == fold]))
        for fold in {seed % 2 for seed in values}
    }
    return means | {fold: next(iter(means.values())) for fold in (0, 1) if fold not in means}


def detection_threshold(at_0: Mapping[int, float], seeds: int) -> float:
    r"""What the mean worsening over so many seeds exceeds in 5% of cases where nothing is wrong.

    ``t · s · √(1/seeds + 1/n)`` with s the deviation over the n seeds at dose 0, within folds, and t
    the 95% point of Student's distribution with the degrees of freedom of s.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - `ecgbench show` needs no scipy

    centre = _by_fold(at_0)
    folds = len({seed % 2 for seed in at_0})
    freedom = len(at_0) - folds
    if freedom < 1:
        return math.inf
    squares = sum((value - centre[seed % 2]) ** 2 for seed, value in at_0.items())
    spread = math.sqrt(squares / freedom)
    largest = max(abs(value) for value in at_0.values())
    margin = stdtrit(freedom, LEVEL) * spread * math.sqrt(1 / seeds + 1 / len(at_0))
    return float(max(margin, 1e-9 * largest))  # a metric without noise is not told by rounding


def spearman(pairs: NDArray[np.float64]) -> tuple[float, float, float]:
    r"""Spearman's rank correlation of two columns with its 95% interval.

    ``tanh(atanh ρ ± 1.96 √((1 + ρ²/2) / (n − 3)))`` (Bonett, Wright, Psychometrika 65:23, 2000).
    """
    from scipy.stats import spearmanr  # noqa: PLC0415 - as above

    if len(pairs) < 4 or np.ptp(pairs[:, 1]) == 0:
        return 0.0, 0.0, 0.0
    rho = float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
    if abs(rho) > 1 - 1e-12:
        return rho, rho, rho
    margin = 1.96 * math.sqrt((1 + rho**2 / 2) / (len(pairs) - 3))
    return rho, math.tanh(math.atanh(rho) - margin), math.tanh(math.atanh(rho) + margin)


# --- in the store ------------------------------------------------------------------------------


def write_audit(store: Store, record: AuditRecord) -> AuditRecord:
    """Write an audit in the place of those of the metric on fewer windows of this kind.

    Returns:
        The audit that stands: this one, or one of more windows that is there already.
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
    """All audits of a store by today's doses, by dataset and metric; what is damaged counts as not there."""
    for file in sorted((store.path / "audit" / "verdicts").glob(f"{dataset or '*'}/*.json")):
        try:
            record = read_record(file, AuditRecord)
        except DamagedError:
            continue
        if record is not None and record.doses == DOSES:
            yield record


def verdicts(store: Store, dataset: DatasetRecord) -> dict[str, Verdict]:
    """The verdicts on a dataset by the metric's key."""
    return {
        record.metric.key: record.verdict
        for record in audits(store, dataset.name)
        if record.is_on(dataset)
    }


def _file(store: Store, record: AuditRecord) -> Path:
    folder = store.path / "audit" / "verdicts" / record.dataset.name
    return folder / f"{record.metric.name}-{record.key}.json"
