"""Compares two rows of a board, metric by metric (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.families import OVERALL
from ecgbench.results.board import gather, pairs
from ecgbench.results.board.board import Scored
from ecgbench.results.board.notes import notes
from ecgbench.results.board.plans import named
from ecgbench.results.board.rows import planned_rows
from ecgbench.results.board.uncertainty import LEVEL
from ecgbench.results.exchange.provenance import origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.pairs import Difference
    from ecgbench.results.board.table import Board, BoardScore, Row
    from ecgbench.results.board.uncertainty import Better, Sample
    from ecgbench.results.store.records import MetricRecord
    from ecgbench.results.store.store import Store

ENDS = ("real", "copy", "gaussian-noise")
"""Reference rows: on every metric one is about the best that can be, and another is worth nothing."""

Verdict = Literal["A better", "B better", "no difference seen", "not tested", "missing"]
Together = Literal["A better", "B better", "mixed", "open", "no difference seen", "not tested"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One metric on both rows.

    Attributes:
        family: the metric's.
        better: its direction.
        ranked: whether the metric is ranked; else there is no p and no verdict.
        a: A's score, without a rank.
        b: B's.
        difference: A's value less B's, paired by person and seed; None if either is not ``ok``.
        low: lower end of its 95% interval; None if nothing is known of its error.
        high: the upper end.
        effect: the difference in A's favour, in units of the range of the rows `ENDS` on this metric;
            None if one of them has no value.
        p: of no difference, corrected for all compared metrics (Holm).
        verdict: ``not tested`` if nothing is known of the error; None if the metric is not ranked or not
            for rows like these.
    """

    family: str
    better: Better
    ranked: bool
    a: BoardScore
    b: BoardScore
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    p: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The verdict of several metrics together.

    Attributes:
        counts: of metrics by verdict.
        verdict: ``A better`` if A is better by some and B by none; ``mixed`` if each is by some;
            ``open`` if one is better, but lacks a value of the other's.
    """

    counts: dict[Verdict, int]
    verdict: Together


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two rows of one board.

    Attributes:
        board: with these rows only, and without ranks.
        findings: by metric label, in the board's order.
        compared: how many metrics the p-values are corrected for.
        families: by family.
        overall: over the families of the overall rank; None if no metric of theirs is compared.
    """

    board: Board
    findings: dict[str, Finding]
    compared: int
    families: dict[str, Summary]
    overall: Summary | None


def compare(
    store: Store,
    a: str,
    b: str,
    catalogue: Catalogue,
    *,
    dataset: str | None = None,
    study: str | None = None,
) -> tuple[list[Compared], list[str]]:
    """Compare two rows on each board that has both.

    Args:
        store: read only.
        a: label of a row, of a generator or a reference.
        b: label of another.
        catalogue: of the installed plugins.
        dataset: on the boards of this one only.
        study: on the boards of studies of this name only.

    Returns:
        The comparisons, by dataset and study, and the boards without one of the rows, in words.

    Raises:
        UsageError: no board has both; the message names the nearest label.
        StoreError: a record cannot be read, or contradicts itself.
    """
    if a == b:
        raise UsageError(f"A and B are both {a!r}; name two rows of a board")
    chosen, lacking = [], []
    labels: set[str] = set()
    known = origins(store)
    # as the boards: more threads would wait for each other, and round otherwise on another machine
    with threadpool_limits(1):
        for group in named(store, dataset, study):
            plan, used, _ = group[0]
            of_group = {row.label for row in planned_rows(group, catalogue, known)}
            if {a, b} <= of_group:
                scored = Scored(gather.read(store, group, catalogue, known))
                of_group = {row.label for row in scored.board.rows}
            labels |= of_group
            if absent := {a, b} - of_group:
                rows = " and ".join(map(repr, sorted(absent)))
                lacking.append(f"{used.name} · study {plan.study} has no row {rows}")
            else:
                chosen.append(_compared(scored.board, scored.samples, a, b))
    for label in (a, b):
        if label not in labels:
            raise UsageError(f"{store.path} has no row {label!r}; {suggest(label, labels)}")
    if not chosen:
        raise UsageError(f"no board has both: {'; '.join(lacking)}")
    return chosen, lacking


def _compared(
    board: Board, counted: Mapping[str, Sequence[Sample | None]], a: str, b: str
) -> Compared:
    metrics = board.metrics
    places = {row.label: place for place, row in enumerate(board.rows)}
    rows = {label: board.rows[places[label]] for label in (a, b)}
    differences = {
        key: pairs.difference(first, second)
        for key in metrics
        if (first := counted[key][places[a]]) and (second := counted[key][places[b]])
        if rows[a].scores[key].status == rows[b].scores[key].status == "ok"
    }
    spans = {key: _span(row.scores[key] for row in board.rows if _is_end(row)) for key in metrics}
    findings, compared = _findings(metrics, rows[a], rows[b], differences, spans)
    families = {
        family: summary
        for family in dict.fromkeys(metric.family for metric in metrics.values())
        if (summary := summarise(f for f in findings.values() if f.family == family))
    }
    board.rows = [rows[a], rows[b]]
    board.notes = [*notes(board.rows, metrics), *board.notes]
    return Compared(
        board=board,
        findings=findings,
        compared=compared,
        families=families,
        overall=summarise(f for f in findings.values() if f.family in OVERALL),
    )


def _is_end(row: Row) -> bool:
    return row.counts and row.generator.reference and row.generator.name in ENDS


# --- metrics -----------------------------------------------------------------------------------


def _findings(
    metrics: Mapping[str, MetricRecord],
    a: Row,
    b: Row,
    differences: Mapping[str, Difference],
    spans: Mapping[str, float | None],
) -> tuple[dict[str, Finding], int]:
    """Return the findings by metric, and how many metrics are compared, failed and missing ones included."""
    compared = [key for key, metric in metrics.items() if metric.ranked and _applies(key, a, b)]
    p = corrected(
        {key: value.p for key, value in differences.items() if key in compared}, len(compared)
    )
    findings = {}
    for key, metric in metrics.items():
        finding = Finding(
            family=metric.family,
            better=metric.better,
            ranked=metric.ranked,
            a=a.scores[key],
            b=b.scores[key],
            p=p.get(key),
        )
        if key in differences:
            value, span = differences[key].value, spans[key]
            favour = value if metric.better == "higher" else 0.0 - value  # 0 has no sign
            low, high = differences[key].interval or (None, None)
            finding = replace(
                finding,
                difference=value,
                low=low,
                high=high,
                effect=None if span is None else favour / span,
            )
        if key in compared:
            finding = replace(finding, verdict=_verdict(finding))
        findings[key] = finding
    return findings, len(compared)


def _applies(metric: str, a: Row, b: Row) -> bool:
    """Return whether a metric is for rows like these: costs, say, are not for reference rows.

    A competitor that alone skips a metric is without a value, as if it had failed.
    """
    skipped = [row for row in (a, b) if row.scores[metric].status == "skipped"]
    return len(skipped) < 2 and not any(row.generator.reference for row in skipped)


def corrected(p: Mapping[str, float | None], count: int) -> dict[str, float]:
    """Return the known p-values, corrected for ``count`` metrics; all others have p = 1."""
    known = {key: value for key, value in p.items() if value is not None}
    holm = pairs.holm(np.array([*known.values()]), count)
    return dict(zip(known, holm.tolist(), strict=True))


def _span(ends: Iterable[BoardScore]) -> float | None:
    """Return the distance of the best and the worst of the rows `ENDS`; None if one has no value."""
    values = [end.value for end in ends if end.status == "ok" and end.value is not None]
    return (max(values) - min(values) or None) if len(values) == len(ENDS) else None


def _verdict(finding: Finding) -> Verdict:
    if finding.difference is None:
        return "missing"
    if finding.p is None:
        return "not tested"
    if finding.p > 1 - LEVEL:
        return "no difference seen"
    more = "higher" if finding.difference > 0 else "lower"
    return "A better" if more == finding.better else "B better"


# --- families ----------------------------------------------------------------------------------


def summarise(findings: Iterable[Finding]) -> Summary | None:
    """Return the verdict of several metrics together; None if none of them has a verdict.

    The p-values of all metrics are corrected together, so this needs no correction of its own: of two
    equal rows one is called better in one board of 20 at most, by any metric, family or overall.
    """
    judged = [finding for finding in findings if finding.verdict is not None]
    counts = Counter(finding.verdict for finding in judged if finding.verdict is not None)
    a_lacks = any(f.a.status != "ok" == f.b.status for f in judged)
    b_lacks = any(f.b.status != "ok" == f.a.status for f in judged)
    verdict: Together
    if counts["A better"] and counts["B better"]:
        verdict = "mixed"
    elif counts["A better"]:
        verdict = "open" if a_lacks else "A better"
    elif counts["B better"]:
        verdict = "open" if b_lacks else "B better"
    elif counts["no difference seen"]:
        verdict = "no difference seen"
    else:
        verdict = "not tested"
    return Summary(counts=dict(counts), verdict=verdict) if judged else None
