"""Scores of privacy beside their null: the score of windows that learnt nothing (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.board.pairs import difference, holm, p_values
from ecgbench.results.board.uncertainty import LEVEL, RESAMPLES, Sample, folds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecgbench.results.board.table import AgainstNull, BoardScore, Row
    from ecgbench.results.board.uncertainty import Better
    from ecgbench.results.store.records import MetricRecord


UNSEEN = 3
"""With one seed a fold nothing is known of the noise over seeds.  An alarm then takes the error for so many
times that over people: on mitdb both together were up to 2.3 times that, over six rows and four metrics."""


def set_against_null(
    metrics: Mapping[str, MetricRecord],
    rows: Sequence[Row],
    samples: dict[str, list[Sample | None]],
) -> None:
    """Replace each sample of a metric with a null by its excess over the null.

    Competitors are corrected for each other alone, and so are reference rows, and rows that do not count.
    Only competitors raise alarms.  An alarm asks for the origin of windows: a reference row's is known,
    and it is the first question to an unverified row anyway.
    """
    nulls = {label: (m.null, m.better) for label, m in metrics.items() if m.null is not None}
    competing = [place for place, row in enumerate(rows) if row.competes]
    references = [place for place, row in enumerate(rows) if row.counts and not row.competes]
    shown = [place for place, row in enumerate(rows) if not row.counts]
    raised = alarms(
        {
            (rows[place].label, label): sample
            for label in nulls
            for place in competing
            if (sample := samples[label][place]) and rows[place].scores[label].value is not None
        },
        nulls,
        sum(any(_counts(rows[place].scores[label]) for label in nulls) for place in competing),
    )
    for label, (null, better) in nulls.items():
        for of_kind in (competing, references, shown):
            places = [p for p in of_kind if rows[p].scores[label].status != "todo"]
            ok = [
                samples[label][place] if rows[place].scores[label].status == "ok" else None
                for place in places
            ]
            for place, before, after in zip(places, ok, excess(ok, null, better), strict=True):
                row = rows[place]
                against: AgainstNull | None = None
                if after is not None:
                    samples[label][place] = after
                    against = "worse" if after is before else "equal"
                row.scores[label] = replace(row.scores[label], against_null=against)
        for place in competing:
            row = rows[place]
            if (row.label, label) in raised:
                row.scores[label] = replace(row.scores[label], against_null="better")


def _counts(score: BoardScore) -> bool:
    """Return whether alarms are corrected for a score: an abandoned try does not count."""
    return score.status != "todo" or score.value is not None


def excess(samples: Sequence[Sample | None], null: float, better: Better) -> list[Sample | None]:
    """Return each row's excess over the null on one metric.

    A value not significantly worse than the null becomes the null itself, known without error.  So such
    rows are equal to each other, and none is better.  The test is the one of the ranks
    (`ecgbench.results.board.pairs.ranks`), of each row against the null, corrected for all rows together.
    If nothing is known of the error, the value decides.

    Args:
        samples: of rows, all of the same seeds; None for a row without a value, which still counts in
            the correction.
        null: the metric's.
        better: its direction.
    """
    known = [sample for sample in samples if sample is not None]
    if not known:
        return list(samples)
    at_null = _exactly(null, known[0].seeds, max(sample.people for sample in known))
    p = p_values(
        [*known, at_null], np.arange(len(known)), np.full(len(known), len(known)), len(samples)
    )
    corrected = holm(np.nan_to_num(p, nan=1.0), len(samples))
    told = (np.isnan(p) | (corrected <= 1 - LEVEL)).tolist()
    excesses = iter(
        sample if of_sample and _favour(null, sample, better) < 0 else at_null
        for sample, of_sample in zip(known, told, strict=True)
    )
    return [None if sample is None else next(excesses) for sample in samples]


def alarms(
    samples: Mapping[tuple[str, str], Sample],
    metrics: Mapping[str, tuple[float, Better]],
    rows: int,
) -> set[tuple[str, str]]:
    """Return the rows and metrics with values significantly better than the null.

    The test is the one of two rows (`ecgbench.results.board.pairs.Difference`): it errs on the safe side
    with few rows and seeds, too; with one seed a fold, see `UNSEEN`.  Its p-values are corrected for all
    rows and metrics together (Holm).

    Args:
        samples: by row and metric.
        metrics: null and direction by metric.
        rows: how many there are, with those without a value.

    Returns:
        Rows and metrics.
    """
    p = {}
    for (row, metric), sample in samples.items():
        null, better = metrics[metric]
        p[row, metric] = 1.0
        if _favour(null, sample, better) <= 0:
            continue
        exact = _exactly(null, sample.seeds, sample.people)
        gap = difference(sample, exact)
        if len(sample.seeds) == folds(sample.seeds):
            gap = replace(gap, value=gap.value / UNSEEN)
        p_of_none = gap.p if gap.is_told else None
        p[row, metric] = 1.0 if p_of_none is None else p_of_none
    corrected = holm(np.array([*p.values()]), rows * len(metrics))
    return {at for at, of in zip(p, corrected.tolist(), strict=True) if of <= 1 - LEVEL}


def _favour(null: float, sample: Sample, better: Better) -> float:
    """Return by how much a value is better than the null."""
    return sample.value - null if better == "higher" else null - sample.value


def _exactly(value: float, seeds: tuple[int, ...], people: int) -> Sample:
    """Return a value known without error, over as many people as the rows beside it."""
    known = Sample(seeds=seeds, values=np.full(len(seeds), value))
    return replace(known, resampled=np.full(RESAMPLES, value), people=people) if people else known
