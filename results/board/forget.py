"""Takes unwanted cells, rows or boards out of a store."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import StoreError, UsageError, suggest
from ecgbench.results.board.plans import named
from ecgbench.results.board.rows import planned_rows
from ecgbench.results.exchange.plans import cut_plan
from ecgbench.results.exchange.provenance import Origins, origins
from ecgbench.results.store.lease import Leases

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.board.rows import PlannedRow
    from ecgbench.results.store.records import PlanRecord
    from ecgbench.results.store.store import Store


@dataclass
class Forgotten:
    """Cells and plans to take out of a store.

    Attributes:
        boards: the loss of each board, in words.
        datasets: of these boards.
        plans: each plan with the names of the cells to strike from it.
        cells: names of the cells to remove.
        kept: how many cells stay because another board has them.
    """

    boards: list[str] = field(default_factory=list)
    datasets: set[str] = field(default_factory=set)
    plans: list[tuple[PlanRecord, set[str]]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    kept: int = 0


def choose(
    store: Store,
    what: str,
    catalogue: Catalogue,
    *,
    dataset: str | None = None,
    study: str | None = None,
) -> Forgotten:
    """Return the cells and plans that a user means, without touching them.

    The cells of archives are left alone; `ecgbench.results.exchange.undo.undo` takes them out.

    Args:
        store: read only.
        what: a cell (``mitdb/gmm/seed-0``, with or without its key), a row's label or a generator's
            name, or a board (``quick/mitdb``: study and dataset).
        catalogue: of the installed plugins.
        dataset: of the boards of this one only.
        study: of the boards of studies of this name only.

    Raises:
        UsageError: nothing is called so, or several cells are; the message suggests the nearest name.
    """
    parts = what.strip("/").split("/")
    if len(parts) == 2:
        study, dataset = _agreed(parts[0], study, "study"), _agreed(parts[1], dataset, "dataset")
    boards = _boards(store, catalogue, dataset, study)
    if len(parts) == 2:
        dropped = [board.cells for board in boards]
    elif len(parts) == 3:
        dropped = [{_cell(store, what.strip("/"), boards)} for _ in boards]
    else:
        dropped = [_of_rows(board, what) for board in boards]
        if not any(dropped):
            known = {row.generator.name for board in boards for row in board.rows}
            raise UsageError(
                f"{store.path} has no cell, row or board {what!r} of its own; {suggest(what, known)}; "
                "ecgbench merge --undo takes out the cells of an archive"
            )
    return _found(store, boards, dropped)


def forget(store: Store, found: Forgotten) -> None:
    """Take out the chosen cells and plans.

    Raises:
        StoreError: a run works on one of the cells, and nothing is changed; or the store cannot be
            written.
    """
    with Leases(store.path) as leases:
        for name in found.cells:
            if leases.take(name) is None:
                raise StoreError(f"a run works on cell {name}: end it first; nothing was removed")
        for plan, dropped in found.plans:
            stays = cut_plan(plan, {cell.name for cell in plan.cells} - dropped)
            if stays is not None:
                store.write_plan(stays)
            store.remove_plan(plan)
        for name in found.cells:
            folder = store.folder(name)
            _remove(folder)
            for parent in (folder.parent, folder.parent.parent):
                with suppress(OSError):  # another cell is there
                    parent.rmdir()


def _remove(folder: Path) -> None:
    """Remove the folder of a cell, or what stands in its place.

    Raises:
        StoreError: it cannot be removed.
    """
    try:
        if folder.is_dir() and not folder.is_symlink():
            with suppress(FileNotFoundError, IsADirectoryError):
                # first: half a cell must not look like a whole one
                (folder / "cell.json").unlink()
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove {folder}: {error.strerror}") from error


@dataclass
class _Board:
    """A board's own plans and rows.

    Attributes:
        group: the plans of runs on this store.
        rows: the rows of these plans.
        cells: names of the cells of these rows.
    """

    group: list[BoardPlan]
    rows: list[PlannedRow]

    @property
    def cells(self) -> set[str]:
        return {name for row in self.rows for name in row.cells.values()}


def _boards(
    store: Store, catalogue: Catalogue, dataset: str | None, study: str | None
) -> list[_Board]:
    plans = store.plans()
    own = [[used for used in group if used.plan in plans] for group in named(store, dataset, study)]
    return [_Board(group, planned_rows(group, catalogue, Origins())) for group in own if group]


def _found(store: Store, boards: list[_Board], dropped: list[set[str]]) -> Forgotten:
    found = Forgotten()
    cut: dict[int, tuple[PlanRecord, set[str]]] = {}
    for board, names in zip(boards, dropped, strict=True):
        if not (here := names & board.cells):
            continue
        plan, used = board.group[0].plan, board.group[0].dataset
        rows = [row.generator.name for row in board.rows if here & set(row.cells.values())]
        ended = sum(store.has_ended(name) for name in here)
        settings = "".join(f", {key} = {value}" for key, value in sorted(plan.settings.items()))
        found.boards.append(
            f"{plan.study}/{used.name}{settings}: {len(here)} of {len(board.cells)} cells, {ended} of them "
            f"ended ({', '.join(dict.fromkeys(rows))})"
        )
        found.datasets.add(used.name)
        for each in board.group:
            of_plan = here & {cell.name for cell in each.plan.cells}
            cut.setdefault(id(each.plan), (each.plan, set()))[1].update(of_plan)
    all_names = {name for _, names in cut.values() for name in names}
    found.plans = [(plan, names) for plan, names in cut.values() if names]
    merged = origins(store)
    wanted = {
        cell.name
        for plan in (*store.plans(), *merged.plans, *merged.trusted_plans)
        for cell in plan.cells
        if cell.name not in _dropped_of(plan, found.plans)
    }
    found.cells = sorted(all_names - wanted)
    found.kept = len(all_names & wanted)
    return found


def _dropped_of(plan: PlanRecord, plans: list[tuple[PlanRecord, set[str]]]) -> set[str]:
    return next((names for each, names in plans if each == plan), set())


def _of_rows(board: _Board, what: str) -> set[str]:
    """Return names of the cells of the row with this label, else of all rows with this name."""
    chosen = [row for row in board.rows if row.label == what]
    chosen = chosen or [row for row in board.rows if row.generator.name == what]
    return {name for row in chosen for name in row.cells.values()}


def _cell(store: Store, wanted: str, boards: list[_Board]) -> str:
    """Return the full name of a planned cell; it need not have ended."""
    known = {name for board in boards for name in board.cells}
    found = sorted(name for name in known if wanted in (name, name.rpartition("-")[0]))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{wanted!r} is one of several cells: {', '.join(found)}")
    raise UsageError(
        f"{store.path} has no cell {wanted!r} of its own; {suggest(wanted, known)}; "
        "ecgbench merge --undo takes out the cells of an archive"
    )


def _agreed(said: str, flag: str | None, what: str) -> str:
    if flag not in (None, said):
        raise UsageError(f"the board is of {what} {said!r}, --{what} says {flag!r}; leave one out")
    return said
