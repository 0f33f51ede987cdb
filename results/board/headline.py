"""The headline of a board: the few metrics that a reader sees first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.families import OVERALL, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecgbench.results.board.table import Row
    from ecgbench.results.store.records import MetricRecord

MOST_HEADLINE = 6
"""Metrics of a headline: so many values and the ranks fit a line of 80 columns."""

DEFAULT = (
    "frechet-distance",
    "morphology",
    "coverage",
    "cross-classification",
    "membership-inference",
    "patient-membership",
)
"""The headline of a study without its own: one question each (docs/report.md, "The headline").

Does the signal look real to a network, and by the intervals and amplitudes of a cardiologist?  Is it as
varied as real ECG?  Does a classifier learn from it what holds for new patients?  Does it give away
single recordings, or the people behind them?  The better the windows, the more they give people away, so
both kinds of privacy stand beside quality.
"""

FIRST = ("patient-membership", *DEFAULT)
"""The metrics that may stand alone for a family: of privacy, people come before recordings."""


def headline(
    metrics: Mapping[str, MetricRecord], rows: Sequence[Row], wanted: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the labels of a board's headline, at most `MOST_HEADLINE`.

    A family of the overall rank without any wanted metric on the board is there with the one metric that
    `of_family` returns.  Metrics of a ``--plugin`` file are there too, since whoever runs a board with one
    looks for it.

    Args:
        metrics: of the board, by label.
        rows: of the board, with their scores.
        wanted: names of metrics in the study, in their order; empty for `DEFAULT`.
    """
    names = tuple(wanted) or DEFAULT
    chosen = [
        label
        for name in names
        for label, metric in metrics.items()
        if metric.name == name and _is_shown(label, rows)
    ]
    families = {metrics[label].family for label in chosen}
    chosen += [
        label
        for family in OVERALL
        if family not in families and (label := of_family(family, metrics, rows))
    ]
    from_files = [
        label
        for label, metric in metrics.items()
        if metric.origin.startswith("file:") and label not in chosen and _is_shown(label, rows)
    ][:MOST_HEADLINE]
    chosen = [*chosen[: MOST_HEADLINE - len(from_files)], *from_files]
    return tuple(sorted(chosen, key=lambda label: place_of(metrics[label].family)))


def of_family(family: str, metrics: Mapping[str, MetricRecord], rows: Sequence[Row]) -> str | None:
    """Return the label of the one metric to stand for a family; None if none has a value.

    It is the ranked metric with values of the most competitors; among several the first of `FIRST`,
    else the first.
    """
    preferred = {name: -position for position, name in reversed([*enumerate(FIRST)])}
    counts = {
        label: (
            sum(row.scores[label].status == "ok" for row in rows if row.competes),
            preferred.get(metric.name, -len(FIRST)),
        )
        for label, metric in metrics.items()
        if metric.ranked and metric.family == family
    }
    best = max(counts, key=counts.__getitem__, default=None)
    return None if best is None or not counts[best][0] else best


def _is_shown(label: str, rows: Sequence[Row]) -> bool:
    """Return whether a metric is more than skipped in all rows."""
    return any(row.scores[label].status != "skipped" or row.scores[label].seeds for row in rows)
