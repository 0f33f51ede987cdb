"""`Board`, its rows and their scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ecgbench.results.audit.records import Verdict  # noqa: TC001 - of the schema of a kept board
from ecgbench.results.store.records import (  # noqa: TC001 - as above
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
)

AgainstNull = Literal["better", "equal", "worse"]


@dataclass(frozen=True, kw_only=True)
class BoardScore:
    """One metric on one row, over the board's seeds.

    Attributes:
        status: the worst of its seeds: ``ok``, ``skipped``, ``todo`` or ``failed``.
        value: mean over the seeds with a value, folds weighing equally; None without any.
        low: lower end of the interval over people; None without one.
        high: its upper end.
        spread: standard deviation over seeds within folds; None with one seed a fold.
        rank: 1 + the number of significantly better competitors; None if not ranked.
        against_null: under a metric with a null, whether the value counts as ``worse`` than the null or
            as ``equal``; ``better`` is an alarm, and counts as equal.  None without a null or a value.
        p: of no leak, by flipping the roles of people; only metrics of both folds have one.
        n: windows behind each seed's value.
        seeds: those with a value.
        reason: why it is not ``ok``.
        notes: for readers, with the seeds.
    """

    status: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    rank: int | None = None
    against_null: AgainstNull | None = None
    p: float | None = None
    n: int | None = None
    seeds: tuple[int, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Row:
    """One generator, with its settings, on a board.

    Attributes:
        generator: as it was used; a reference row if the installed catalogue says so.
        label: its name, with version or settings if two rows would be called the same.
        counts: whether it may be compared; else nobody verified an archive's cells, and the row is only
            shown (`ecgbench.results.board.rows.planned_rows`).
        merged: how much of it was made elsewhere and is verified, in words; empty for nothing.
        left_out: seeds of its cells beyond the board's.
        lacking: seeds of the board without a cell of it.
        scores: by metric label.
        ranks: by family, and ``overall``; empty for reference rows.
        notes: for readers of its cells, with the seeds.
    """

    generator: GeneratorRecord
    label: str
    counts: bool = True
    merged: str = ""
    left_out: tuple[int, ...] = ()
    lacking: tuple[int, ...] = ()
    scores: dict[str, BoardScore] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def competes(self) -> bool:
        """Whether it is ranked."""
        return self.counts and not self.generator.reference


@dataclass(kw_only=True)
class Board:
    """The generators on one dataset, in one study, with the same settings of all but generators.

    Attributes:
        key: of study and settings (`PlanRecord.board_key`).
        dataset: as used.
        study: its name.
        settings: of study, dataset and metrics, all but the plugins' defaults.
        metrics: by label, in the order of families.
        rows: competitors by overall rank, then the reference rows, then rows only shown.
        seeds: common to the compared rows (`ecgbench.results.board.rows.board_seeds`).
        people: how many people the intervals are over.
        audit: the audit's verdict by metric label, if the store has one.
        front: labels of the competitors on the front between utility and privacy
            (`ecgbench.results.board.front`).
        headline: labels of the metrics to show first (`ecgbench.results.board.headline`).
        notes: sentences for readers (`ecgbench.results.board.notes`).
    """

    key: str
    dataset: DatasetRecord
    study: str
    settings: dict[str, Any]
    metrics: dict[str, MetricRecord]
    rows: list[Row]
    seeds: tuple[int, ...]
    people: int
    audit: dict[str, Verdict] = field(default_factory=dict)
    front: list[str] = field(default_factory=list)
    headline: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def competitors(self) -> list[Row]:
        """The ranked rows."""
        return [row for row in self.rows if row.competes]

    @property
    def references(self) -> list[Row]:
        """The reference rows."""
        return [row for row in self.rows if row.counts and row.generator.reference]

    @property
    def shown(self) -> list[Row]:
        """The unverified rows of archives: no other row depends on them."""
        return [row for row in self.rows if not row.counts]
