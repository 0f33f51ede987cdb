"""Judges how a metric responds to known doses of known faults (docs/audit.md)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.audit.records import SeriesRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.contracts.faults import Fault
    from ecgbench.results.audit.records import Response, Verdict
    from ecgbench.results.store.records import MetricRecord

LEVEL = 0.95

Values = dict[tuple[float, int], float]
"""A metric's value by amount and seed, of one fault."""


class Measured(NamedTuple):
    """The values of a metric on one fault.

    Attributes:
        fault: with its amounts.
        values: by amount and seed.
        reason: why a part failed; empty if none did.
    """

    fault: Fault
    values: Values
    reason: str = ""


class Judgement(NamedTuple):
    """The result of a metric's audit.

    Attributes:
        series: how the metric responds to each fault.
        verdict: whether it sees its claims; open if it has none.
        blind: names of unseen faults.
        rewarded: names of rewarded faults.
    """

    series: list[SeriesRecord]
    verdict: Verdict
    blind: list[str]
    rewarded: list[str]


def judge(
    metric: MetricRecord,
    measured: Sequence[Measured],
    at_0: Mapping[int, float],
    claims: Sequence[str],
) -> Judgement:
    """Judge a metric.

    Args:
        metric: audited.
        measured: a fault each.
        at_0: the values without a fault, by seed.
        claims: names of the faults that the metric must see.
    """
    series = []
    for fault, values, reason in measured:
        own = {seed: value for (amount, seed), value in values.items() if amount == 0}
        doses = {at: value for at, value in values.items() if at[0] > 0}
        own = own or dict(at_0)
        claimed = fault.name in claims
        if reason:
            series.append(_failed(fault, claimed, reason))
        elif doses and len(own) > 1:
            series.append(respond(fault, metric.better, own, doses, claimed))
    held = [record.response for record in series if record.claimed]
    verdict: Verdict = "open"
    if held:
        verdict = "passes" if all(response == "seen" for response in held) else "fails"
    return Judgement(
        series,
        verdict,
        blind=[record.name for record in series if record.response in ("blind", "unclear")],
        rewarded=[record.name for record in series if record.response == "reversed"],
    )


def _failed(fault: Fault, claimed: bool, reason: str) -> SeriesRecord:
    return SeriesRecord(
        name=fault.name,
        unit=fault.unit,
        amounts=[],
        means=[],
        worse=[],
        threshold=None,
        rho=None,
        rho_low=None,
        rho_high=None,
        smallest=None,
        response="failed",
        claimed=claimed,
        reason=reason,
    )


def respond(
    fault: Fault, better: str, at_0: Mapping[int, float], doses: Values, claimed: bool
) -> SeriesRecord:
    """Return how a metric responds to a fault.

    Args:
        fault: with its name and unit.
        better: the metric's direction.
        at_0: the values without the fault, by seed.
        doses: the values under it, by amount and seed.
        claimed: whether the metric is held to it.
    """
    sign = 1.0 if better == "lower" else -1.0
    centre = by_fold(at_0)
    amounts = sorted({amount for amount, _ in doses})
    seeds = sorted({seed for _, seed in doses})
    means, worse = [float(np.mean(list(centre.values())))], [0.0]
    pairs = [(0.0, sign * (value - centre[seed % 2])) for seed, value in at_0.items()]
    for amount in amounts:
        of_amount = {seed: doses[amount, seed] for seed in seeds if (amount, seed) in doses}
        worsening = {seed: sign * (value - centre[seed % 2]) for seed, value in of_amount.items()}
        pairs += [(amount, value) for value in worsening.values()]
        means.append(float(np.mean(list(by_fold(of_amount).values()))))
        worse.append(float(np.mean(list(by_fold(worsening).values()))))
    threshold = detection_threshold(at_0, len(seeds))
    rho, low, high = spearman(np.array(pairs))
    told = [value > threshold for value in worse[1:]]
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
        name=fault.name,
        unit=fault.unit,
        amounts=[0.0, *amounts],
        means=means,
        worse=worse,
        threshold=threshold,
        rho=rho,
        rho_low=low,
        rho_high=high,
        smallest=smallest,
        response=response,
        claimed=claimed,
    )


def by_fold(values: Mapping[int, float]) -> dict[int, float]:
    """Return the mean over the seeds of each fold; a fold without seeds has the other's mean."""
    means = {
        fold: float(np.mean([value for seed, value in values.items() if seed % 2 == fold]))
        for fold in {seed % 2 for seed in values}
    }
    return means | {fold: next(iter(means.values())) for fold in (0, 1) if fold not in means}


def detection_threshold(at_0: Mapping[int, float], seeds: int) -> float:
    r"""Return the mean worsening that is exceeded in 5% of cases without a fault.

    ``t · s · √(1/seeds + 1/n)`` with s the deviation over the n seeds at dose 0, within folds, and t
    the 95% point of Student's distribution with the degrees of freedom of s.

    Args:
        at_0: the values without a fault, by seed.
        seeds: how many the mean is over.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - `ecgbench show` needs no scipy

    centre = by_fold(at_0)
    folds = len({seed % 2 for seed in at_0})
    freedom = len(at_0) - folds
    if freedom < 1:
        return math.inf
    squares = sum((value - centre[seed % 2]) ** 2 for seed, value in at_0.items())
    spread = math.sqrt(squares / freedom)
    largest = max(abs(value) for value in at_0.values())
    margin = stdtrit(freedom, LEVEL) * spread * math.sqrt(1 / seeds + 1 / len(at_0))
    return float(max(margin, 1e-9 * largest))  # rounding tells nothing of a metric without noise


def spearman(pairs: NDArray[np.float64]) -> tuple[float, float, float]:
    r"""Return Spearman's rank correlation of two columns with its 95% interval.

    ``tanh(atanh ρ ± 1.96 √((1 + ρ²/2) / (n − 3)))`` (Bonett, Wright, Psychometrika 65:23, 2000).

    Args:
        pairs: float64, shape (n, 2).
    """
    from scipy.stats import spearmanr  # noqa: PLC0415 - as above

    if len(pairs) < 4 or np.ptp(pairs[:, 1]) == 0:
        return 0.0, 0.0, 0.0
    rho = float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
    if abs(rho) > 1 - 1e-12:
        return rho, rho, rho
    margin = 1.96 * math.sqrt((1 + rho**2 / 2) / (len(pairs) - 3))
    return rho, math.tanh(math.atanh(rho) - margin), math.tanh(math.atanh(rho) + margin)
