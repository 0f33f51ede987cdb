"""The cells of a board's rows, for pictures of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.results.board.plans import named
from ecgbench.results.board.rows import planned_rows
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.store.states import cell_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.board.rows import PlannedRow
    from ecgbench.results.store.records import CellRecord, DatasetRecord
    from ecgbench.results.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A row with its finished cells.

    Attributes:
        label: its name on the board.
        reference: whether it is a reference row.
        cells: records by seed, ascending.
    """

    label: str
    reference: bool
    cells: dict[int, CellRecord]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Rows of one board.

    Attributes:
        title: the board's dataset and study.
        dataset: as used.
        rows: in the order asked for.
    """

    title: str
    dataset: DatasetRecord
    rows: list[Chosen]

    def with_seed(self, seed: int) -> list[tuple[Chosen, CellRecord]]:
        """Return the rows with a cell of this seed, and the cell.

        Raises:
            UsageError: there is none.
        """
        found = [(row, row.cells[seed]) for row in self.rows if seed in row.cells]
        if not found:
            seeds = sorted({each for row in self.rows for each in row.cells})
            told = ", ".join(map(str, seeds)) or "none"
            raise UsageError(f"no such row has a finished cell of seed {seed}; seeds there: {told}")
        return found


def choose(
    store: Store,
    catalogue: Catalogue,
    *,
    dataset: str | None = None,
    study: str | None = None,
    generators: Sequence[str] = (),
) -> Choice:
    """Return rows of the board with the most rows among those of a dataset and a study.

    Args:
        store: read only.
        catalogue: of the installed plugins.
        dataset: its name; None if the store has one alone.
        study: its name; None for any.
        generators: labels of rows or names of generators; empty for all competitors.

    Raises:
        UsageError: there is no such board, dataset or row.
        StoreError: a record cannot be read.
    """
    groups = named(store, dataset, study)
    datasets = sorted({group[0].dataset.name for group in groups})
    if len(datasets) > 1:
        raise UsageError(f"the store has boards of {', '.join(datasets)}; --dataset names one")
    known = origins(store)
    group, rows = max(
        ((group, planned_rows(group, catalogue, known)) for group in groups),
        key=lambda each: len(each[1]),
    )
    chosen = _named(rows, generators) if generators else [row for row in rows if row.competes]
    return Choice(
        title=_title(group),
        dataset=group[0].dataset,
        rows=[_chosen(row, store) for row in chosen],
    )


def _title(group: list[BoardPlan]) -> str:
    return f"{group[0].dataset.name}, study {group[0].plan.study}"


def _named(rows: list[PlannedRow], generators: Sequence[str]) -> list[PlannedRow]:
    found: dict[str, PlannedRow] = {}
    for name in generators:
        own = [row for row in rows if name == row.label]
        own = own or [row for row in rows if name == row.generator.name]
        if not own:
            labels = {row.label for row in rows}
            raise UsageError(f"no row of this board is called {name!r}; {suggest(name, labels)}")
        found |= {row.label: row for row in own}
    return list(found.values())


def _chosen(row: PlannedRow, store: Store) -> Chosen:
    outcomes = {seed: cell_outcome(store, name) for seed, name in sorted(row.cells.items())}
    return Chosen(
        label=row.label,
        reference=row.generator.reference,
        cells={
            seed: outcome.record
            for seed, outcome in outcomes.items()
            if outcome.record is not None and outcome.status == "ok"
        },
    )
