"""The facts of the installed specs, for boards: `facts`."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ecgbench.contracts.specs import GeneratorSpec, MetricSpec
from ecgbench.results.board.catalogue import Catalogue, Facts

if TYPE_CHECKING:
    from ecgbench.harness.planning.catalog import Catalog


def facts(catalog: Catalog) -> Catalogue:
    """Return the facts of the installed plugins, for boards.

    If two plugins claim a name, it tells nothing and is left out.
    """
    specs = [found[0].spec for found in catalog.entries.values() if len(found) == 1]
    return Catalogue(
        metrics={
            (spec.name, spec.version): metric_facts(spec)
            for spec in specs
            if isinstance(spec, MetricSpec)
        },
        references={spec.name: spec.reference for spec in specs if isinstance(spec, GeneratorSpec)},
        named_terms={
            (spec.name, spec.version): spec.terms
            for spec in specs
            if isinstance(spec, MetricSpec) and spec.terms
        },
    )


def metric_facts(spec: MetricSpec) -> Facts:
    """Return the facts of a metric, for boards; an infinite or undefined number is None."""
    low, high = map(float, spec.bounds)  # as every reader of a record decodes them
    return Facts(
        family=spec.family,
        better=spec.better,
        bounds=(low if isfinite(low) else None, high if isfinite(high) else None),
        ideal=float(spec.ideal) if spec.ideal is not None and isfinite(spec.ideal) else None,
        ranked=spec.is_ranked,
        needs_both_folds=spec.needs_both_folds,
        null=None if spec.null is None else float(spec.null),
        summary=spec.summary,
    )
