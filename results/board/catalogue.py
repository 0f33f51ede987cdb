"""Facts that a board takes from the installed plugins, and from no record: the reader's catalogue rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.results.store.records import GeneratorRecord, MetricRecord

NOT_INSTALLED = "not installed"
"""The family of metrics without an installed spec of their version."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a metric's installed spec; an infinite bound is None."""

    family: str
    better: Literal["higher", "lower"]
    bounds: tuple[float | None, float | None]
    ideal: float | None
    ranked: bool
    needs_both_folds: bool
    null: float | None
    summary: str


UNKNOWN: dict[str, Any] = {
    "family": NOT_INSTALLED,
    "bounds": (None, None),
    "ideal": None,
    "ranked": False,
    "needs_both_folds": False,
    "null": None,
    "summary": "",
}


@dataclass(frozen=True)
class Catalogue:
    """The installed metrics and generators (`ecgbench.harness.planning.facts.facts` makes one).

    Attributes:
        metrics: by name and version.
        references: whether a generator is a reference row, by name.
        named_terms: the names of the terms of a metric's contributions, by name and version; no record
            has them.
    """

    metrics: Mapping[tuple[str, int], Facts] = field(default_factory=dict)
    references: Mapping[str, bool] = field(default_factory=dict)
    named_terms: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)

    def metric(self, record: MetricRecord) -> MetricRecord:
        """Return the record with the facts of the installed spec in the place of its own."""
        facts = self.metrics.get((record.name, record.version))
        told = UNKNOWN if facts is None else msgspec.structs.asdict(facts)
        return msgspec.structs.replace(record, **told)

    def terms(self, record: MetricRecord) -> tuple[str, ...]:
        """Return the names of the terms of the metric's contributions; none if it is not installed."""
        return self.named_terms.get((record.name, record.version), ())

    def generator(self, record: GeneratorRecord, *, own: bool) -> GeneratorRecord:
        """Return the record of a row: a reference row only if the installed spec says so.

        Args:
            record: as a plan has it.
            own: whether a run on this store wrote the plan.  Then the record counts if the generator is
                not installed.
        """
        otherwise = own and record.reference
        reference = not record.submitted and self.references.get(record.name, otherwise)
        return msgspec.structs.replace(record, reference=reference)
