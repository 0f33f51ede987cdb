"""One metric on one row of a board: its value with interval, spread and p."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.results.board import roles, uncertainty
from ecgbench.results.board.notes import of_seeds, seed_list
from ecgbench.results.board.table import BoardScore
from ecgbench.results.board.uncertainty import folds
from ecgbench.results.exchange.sound import MAX_PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.gather import Ended, OfRow
    from ecgbench.results.board.uncertainty import Resamples, Sample
    from ecgbench.results.store.records import MetricRecord

WORST = {"ok": 0, "skipped": 1, "todo": 2, "failed": 3}

OTHER_PEOPLE = "its contributions are of people in no row that counts, so there is no interval"


def people_of(rows: Iterable[OfRow]) -> NDArray[np.int64]:
    """Return all people who contributed to a value of these rows, ascending."""
    # all scores of a split are of the same people
    by_content: dict[bytes, NDArray[np.int64]] = {}
    for of_row in rows:
        for of_metric in of_row.values():
            for end in of_metric.values():
                if end.score is not None and end.score.contributions is not None:
                    people = end.score.contributions.people
                    by_content[people.tobytes()] = people
    return np.unique(np.concatenate([*by_content.values(), np.zeros(0, dtype=np.int64)]))


def resampled_people(
    counting: Sequence[OfRow], all_rows: Sequence[OfRow]
) -> tuple[NDArray[np.int64], list[OfRow]]:
    """Return the people of a board's resamples, and all rows without contributions of anybody else.

    They are the people of the counting rows: one more person would change all draws, and with them
    intervals and ranks.
    """
    people = people_of(counting)
    if not len(people):
        people = people_of(all_rows)
        if len(people) > MAX_PEOPLE:
            people = people[:0]
    known: dict[bytes, bool] = {}

    def kept(end: Ended) -> Ended:
        if end.score is None or end.score.contributions is None:
            return end
        of_score = end.score.contributions.people
        key = of_score.tobytes()
        if key not in known:
            known[key] = bool(np.isin(of_score, people).all())
        if known[key]:
            return end
        score = msgspec.structs.replace(end.score, contributions=None)
        return msgspec.structs.replace(end, score=score, notes=(*end.notes, OTHER_PEOPLE))

    return people, [
        {label: {seed: kept(end) for seed, end in of.items()} for label, of in of_row.items()}
        for of_row in all_rows
    ]


def sample_of(ends: Mapping[int, Ended], resamples: Resamples) -> Sample | None:
    """Return the value and its error over these seeds; None without a value."""
    scores = {seed: end.score for seed, end in ends.items() if end.score is not None}
    if not scores:
        return None
    values = {seed: score.value for seed, score in scores.items()}
    known = {seed: score.contributions for seed, score in scores.items() if score.contributions}
    return uncertainty.sample(values, known, resamples)


def summary(
    ends: Mapping[int, Ended],
    sample: Sample | None,
    interval: tuple[float, float] | None,
    metric: MetricRecord,
    terms: Sequence[str],
) -> BoardScore:
    """Return the score of a row by one metric.

    Args:
        ends: how the metric ended, by seed.
        sample: `sample_of` them.
        interval: the sample's.
        metric: with the facts of the installed spec.
        terms: the names of its contributions' terms.
    """
    status = max((end.status for end in ends.values()), key=WORST.__getitem__)
    reason = "" if status == "ok" else _reason(ends, status)
    notes = {seed: end.notes for seed, end in ends.items()}
    if sample is None:
        return BoardScore(status=status, reason=reason, notes=of_seeds(notes))
    if metric.needs_both_folds and folds(sample.seeds) < 2:
        return BoardScore(
            status="skipped",
            reason="it needs both folds: seeds 0 and 1, or more",
            notes=of_seeds(notes),
        )
    least, most = (-np.inf if metric.bounds[0] is None else metric.bounds[0]), metric.bounds[1]
    low, high = interval or (None, None)
    scores = [end.score for end in ends.values() if end.score is not None]
    p = None
    # only privacy asks who took part
    if metric.needs_both_folds and metric.family == "privacy":
        p, why_none = _p_of_roles(ends, terms)
        notes = {seed: (*notes[seed], *why_none.get(seed, ())) for seed in notes}
    return BoardScore(
        status=status,
        value=sample.value,
        low=None if low is None else max(low, least),
        high=None if high is None else min(high, np.inf if most is None else most),
        spread=sample.spread,
        p=p,
        n=scores[0].n,
        seeds=sample.seeds,
        reason=reason,
        notes=of_seeds(notes),
    )


def _p_of_roles(
    ends: Mapping[int, Ended], terms: Sequence[str]
) -> tuple[float | None, dict[int, tuple[str, ...]]]:
    """Return p by flipping the roles of people, or None with the reason by seed."""
    contributions = {
        seed: end.score.contributions for seed, end in ends.items() if end.score is not None
    }
    known, why_none = {}, {}
    for seed, of_seed in contributions.items():
        if of_seed is None:
            why_none[seed] = "no p: it has no contributions of people"
        elif lacking := roles.lacks(of_seed, terms):
            why_none[seed] = f"no p: {lacking}"
        else:
            known[seed] = roles.columns(of_seed, terms)
    if why_none:
        return None, {seed: (why,) for seed, why in why_none.items()}
    p = roles.flips(known)
    return p, {} if p is not None else dict.fromkeys(contributions, (f"no p: {roles.TOO_FEW}",))


def _reason(ends: Mapping[int, Ended], status: str) -> str:
    """Return why seeds have this status: the reason, and its seeds unless all have it."""
    seeds: dict[str, list[int]] = {}
    for seed, end in ends.items():
        if end.status == status:
            seeds.setdefault(end.reason, []).append(seed)
    if [*seeds.values()] == [[*ends]]:
        return next(iter(seeds))
    return "; ".join(f"{seed_list(having)}: {reason}" for reason, having in seeds.items())
