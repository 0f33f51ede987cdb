"""What a board is: `Board`, its rows and their scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ecgbench.results.audit.records import Verdict
    from ecgbench.results.store.records import DatasetRecord, GeneratorRecord, MetricRecord

AgainstNull = Literal["better", "equal", "worse"]


@dataclass(frozen=True, kw_only=True)
class BoardScore:
    """One metric on one row, over the board's seeds.

    Attributes:
        status: the worst of its seeds: ``ok``, ``skipped``, ``todo`` or ``failed``.
        value: mean over the seeds that have ended well, folds weighing equally; None without any.
        low: lower end of the interval over people; None where there is none.
        high: its upper end.
        spread: standard deviation over seeds within folds; None with one seed a fold.
        rank: 1 + the number of competitors that are significantly better; None where not ranked.
        against_null: of a metric with a null, what the value counts as: ``worse``, or ``equal`` to the
            null; ``better`` is an alarm, and counts as equal.  None without a null or a value.
        p: of no leak, by flipping the roles of people; of metrics that need both folds alone.
        n: windows that each seed's value rests on.
        seeds: those that have ended well.
        reason: why it is not ``ok``.
        notes: what a reader must know of it, with the seeds.
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
        label: its name, with a version where two rows would be called the same.
        counts: whether it may be compared; else an archive brought what nobody verified, and the row is
            only shown (`ecgbench.results.board.gather.asked`).
        merged: how much of it was made elsewhere and is verified, in words; empty for nothing.
        left_out: seeds of its cells that are none of the board's.
        lacking: seeds of the board that nobody asked of it.
        scores: by metric label.
        ranks: by family, and ``overall``; empty for reference rows.
        notes: what a reader must know of its cells, with the seeds.
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
    """What one dataset, one study and the same settings say of the generators.

    Attributes:
        key: of study and settings (`PlanRecord.board_key`).
        dataset: as used.
        study: its name.
        settings: what differs from the plugins' defaults.
        metrics: by label, in the order of families.
        rows: competitors by overall rank, then the reference rows, then those that are only shown.
        seeds: those on which rows are compared (`gather.seeds`).
        people: how many people the intervals are over.
        audit: the audit's verdict by metric label, where the store has one.
        front: labels of the competitors between utility and privacy that no other dominates
            (`ecgbench.results.board.front`).
        notes: sentences that a reader must know (`notes`; `code_notes` and `library_notes` of
            `ecgbench.results.board.gather`).
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
    notes: list[str] = field(default_factory=list)

    @property
    def competitors(self) -> list[Row]:
        """The rows that are ranked."""
        return [row for row in self.rows if row.competes]

    @property
    def references(self) -> list[Row]:
        """The rows that calibrate the board."""
        return [row for row in self.rows if row.counts and row.generator.reference]

    @property
    def shown(self) -> list[Row]:
        """The rows that an archive brought and nobody verified: no other row depends on them."""
        return [row for row in self.rows if not row.counts]
