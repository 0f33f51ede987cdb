"""Reads a board's rows from a store: how each metric ended on each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.audit.records import verdicts
from ecgbench.results.board.columns import metrics, of_plans
from ecgbench.results.board.rows import PlannedRow, board_seeds, planned_rows
from ecgbench.results.exchange.sound import MAX_COUNT
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.states import NOT_RUN, CellOutcome, cell_outcome, score_outcome
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecgbench import Contributions
    from ecgbench.results.audit.records import Verdict
    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.exchange.provenance import Origins, Standing
    from ecgbench.results.store.records import (
        CellRecord,
        MetricRecord,
    )
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track

NOT_VERIFIED = "merged, not verified"

MAX_TEXT = 1000
"""Characters of a reason or a note: a store may come from anywhere."""


class Value(msgspec.Struct, frozen=True, gc=False):
    """A score that ended well.

    Attributes:
        metric: as it was used.
        value: the score.
        contributions: of people, which make the value; None without any.
        n: windows behind it.
    """

    metric: MetricRecord
    value: float
    contributions: Contributions | None = None
    n: int | None = None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How one metric ended on one cell; of a hundred thousand the collector need not look at each.

    Attributes:
        status: ``ok``, ``skipped``, ``todo`` or ``failed``.
        reason: why it is not ``ok``.
        score: with the value, if it has one.
        notes: for readers of the score.
        cell: the record of the cell, if it has ended.
        standing: of the cell and the score, the lower; None where both were made here.
    """

    status: str
    reason: str = ""
    score: Value | None = None
    notes: tuple[str, ...] = ()
    cell: CellRecord | None = None
    standing: Standing | None = None


OfRow = dict[str, dict[int, Ended]]
"""How each metric, by label, ended on each seed."""


@dataclass(frozen=True)
class Gathered:
    """All that a board or a comparison needs of a store; the rest is arithmetic.

    Attributes:
        group: the plans of the board.
        metrics: by label, in the order of families.
        terms: the names of each metric's terms, by label (`MetricSpec.terms`).
        rows: each with how every metric, by label, ended on each seed.
        seeds: common to the compared rows (`ecgbench.results.board.rows.board_seeds`).
        audit: the audit's verdict by metric label, if the store has one.
    """

    group: list[BoardPlan]
    metrics: dict[str, MetricRecord]
    terms: dict[str, tuple[str, ...]]
    rows: list[tuple[PlannedRow, OfRow]]
    seeds: tuple[int, ...]
    audit: dict[str, Verdict]


def read(
    store: Store,
    group: list[BoardPlan],
    catalogue: Catalogue,
    known: Origins,
    track: Track = untracked,
) -> Gathered:
    """Read all that a board needs of a store.

    A row that does not count is left out if other rows show all of it.  A metric of merged plans alone is
    left out if no row has a value of it.

    Args:
        store: read only.
        group: the plans of the board (`ecgbench.results.board.plans.groups`).
        catalogue: facts of the installed plugins.
        known: the origins of all that was made elsewhere.
        track: told how far it is.

    Raises:
        StoreError: a record cannot be read.
    """
    dataset = group[0].dataset
    audited = verdicts(store, dataset)
    columns = metrics(group, audited, catalogue)
    planned = planned_rows(group, catalogue, known)
    seeds = board_seeds(planned)
    counting = [row for row in planned if row.counts]
    rows = [
        (row, ended(store, row, columns, seeds, known))
        for row in track(planned, f"{dataset.name}: rows")
    ]
    rows = [(row, of_row) for row, of_row in rows if row.counts or _adds(of_row, row, counting)]
    own = of_plans(group, own=True)
    columns = {
        label: metric
        for label, metric in columns.items()
        if metric.key in own
        or not own
        or any(end.score is not None for _, of_row in rows for end in of_row[label].values())
    }
    return Gathered(
        group=group,
        metrics=columns,
        terms={label: catalogue.terms(metric) for label, metric in columns.items()},
        rows=rows,
        seeds=seeds,
        audit={
            label: verdict
            for label, metric in columns.items()
            if (verdict := audited.get(metric.key))
        },
    )


def ended(
    store: Store,
    row: PlannedRow,
    metrics_by_label: Mapping[str, MetricRecord],
    seeds_of_board: Iterable[int],
    known: Origins,
) -> dict[str, dict[int, Ended]]:
    """How each metric, by label, ended on each seed; what was never asked for is still to do.

    In a row that counts, what nobody verified is still to do, too.

    Raises:
        StoreError: a record cannot be read.
    """
    outcomes: dict[str, dict[int, Ended]] = {label: {} for label in metrics_by_label}
    files = {label: f"{m.name}-{m.key}.json" for label, m in metrics_by_label.items()}
    for seed in seeds_of_board:
        name = row.cells.get(seed, "")
        cell = cell_outcome(store, name) if name else CellOutcome("todo", NOT_RUN)
        for label, metric in metrics_by_label.items():
            if cell.record is None:
                outcomes[label][seed] = Ended(cell.status, cell.reason)
                continue
            seals = [cell.seal]
            if cell.status == "ok":
                file = f"{store.path}/cells/{name}/scores/{files[label]}"
                end = _score_ended(file, cell.record, metric, seals)
            else:
                end = Ended(cell.status, cell.reason)
            standing = known.of(*seals)
            if row.counts and standing == "merged":
                outcomes[label][seed] = Ended("todo", NOT_VERIFIED)
                continue
            notes = tuple(map(_short, end.notes))
            reason = _short(end.reason)
            outcomes[label][seed] = Ended(
                end.status, reason, end.score, notes, cell.record, standing
            )
    return outcomes


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"


def _score_ended(file: str, cell: CellRecord, metric: MetricRecord, seals: list[str]) -> Ended:
    """Return how a score ended; add the seal of its record to those given."""
    outcome = score_outcome(file, cell, metric)
    if outcome.seal:
        seals.append(outcome.seal)
    score = outcome.record
    if score is None:
        return Ended(outcome.status, outcome.reason)
    if outcome.status != "ok" or score.value is None:
        return Ended(outcome.status, outcome.reason, notes=tuple(score.notes))
    notes, n, terms = list(score.notes), score.n, None
    if n is not None and not 0 <= n < MAX_COUNT:
        n = None
        notes.append("it is of no number of windows that there can be")
    if score.contributions is not None:
        try:
            terms = contributions(score.contributions, score.value)
        except ValueError as error:
            notes.append(f"{error}, so there is no interval")
    # the lists of the record go at once: of a hundred thousand the collector would look at each
    value = Value(score.metric, score.value or 0.0, terms, n)  # 0 has no sign
    return Ended("ok", outcome.reason, value, tuple(notes))


def mark(of_row: Mapping[str, Mapping[int, Ended]], row: PlannedRow) -> str:
    """Return how much of a row was made elsewhere, in words; empty for nothing."""
    of_seed: dict[int, set[Standing]] = {}
    for of_metric in of_row.values():
        for seed, end in of_metric.items():
            if end.standing is not None:
                of_seed.setdefault(seed, set()).add(end.standing)
    verified = sum(standings == {"verified"} for standings in of_seed.values())
    cells = len(of_seed) if row.counts else max(len(row.cells), len(of_seed))
    if verified:
        return f"verified: {verified} of {cells} cells"
    if of_seed and row.counts:
        return "merged, trusted"
    return "" if row.counts else NOT_VERIFIED


def _adds(
    shown: Mapping[str, Mapping[int, Ended]], row: PlannedRow, counted: Iterable[PlannedRow]
) -> bool:
    """Return whether a row that does not count shows more than the rows that count."""
    cells = {name for other in counted for name in other.cells.values()}
    if not cells.issuperset(row.cells.values()):
        return True
    return any(end.standing == "merged" for of in shown.values() for end in of.values())
