"""The columns of a board: the metrics of its plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.contracts.families import place_of
from ecgbench.results.board.catalogue import NOT_INSTALLED
from ecgbench.results.board.labels import labels_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.results.audit.records import Verdict
    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.store.records import MetricRecord

MAX_STRANGE = 20
"""Metrics on a board that are not installed: a store may come from anywhere."""


def metrics(
    group: list[BoardPlan], audited: Mapping[str, Verdict], catalogue: Catalogue
) -> dict[str, MetricRecord]:
    """Return the metrics of all plans by label, by family, with the facts of the installed specs.

    A metric without an installed spec of its version stands last and is never ranked.  A metric with a
    failed audit is not ranked either, nor one of merged plans alone: else an archive could choose how our
    rows are ranked.

    Args:
        group: the plans of a board.
        audited: the audit's verdicts on its dataset (`ecgbench.results.audit.records.verdicts`).
        catalogue: facts of the installed plugins.
    """
    own, others = of_plans(group, own=True), of_plans(group, own=False)
    others = {key: metric for key, metric in others.items() if key not in own}
    ranks = {*own} or {*others}
    by_key = {key: catalogue.metric(metric) for key, metric in (own | others).items()}
    strange = [key for key in others if by_key[key].family == NOT_INSTALLED]
    for key in strange[MAX_STRANGE:]:
        del by_key[key]
    names = labels_with(own.values(), others.values())
    labelled = {
        names[key]: msgspec.structs.replace(
            metric, ranked=metric.ranked and key in ranks and audited.get(key) != "fails"
        )
        for key, metric in by_key.items()
    }
    return dict(
        sorted(labelled.items(), key=lambda item: (place_of(item[1].family), not item[1].ranked))
    )


def of_plans(group: list[BoardPlan], *, own: bool) -> dict[str, MetricRecord]:
    """Return the metrics by key of our own plans, or of the merged ones."""
    by_key: dict[str, MetricRecord] = {}
    for member in group:
        for metric in member.plan.metrics if member.own is own else ():
            by_key.setdefault(metric.key, metric)
    return by_key
