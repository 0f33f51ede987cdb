"""Takes cells, rows or boards out of a store that nobody wants in it any more."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecgbench.harness.errors import StoreError, UsageError, suggest
from ecgbench.results import gather
from ecgbench.results.lease import Leases
from ecgbench.results.merge import cut_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench.results.gather import Used
    from ecgbench.results.records import PlanRecord
    from ecgbench.results.store import Store


@dataclass
class Forgotten:
    """What is to be taken out of a store.

    Attributes:
        boards: what each board loses, in words.
        datasets: of these boards.
        plans: names of the cells that a plan is to ask for no more, with the plan.
        cells: names of the cells of which nothing is to stay.
        kept: how many cells stay because another board has them.
    """

    boards: list[str] = field(default_factory=list)
    datasets: set[str] = field(default_factory=set)
    plans: list[tuple[PlanRecord, set[str]]] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    kept: int = 0


def choose(
    store: Store, what: str, *, dataset: str | None = None, study: str | None = None
) -> Forgotten:
    """Return what a user means, without touching it.

    Args:
        store: read only.
        what: a cell (``mitdb/gmm/seed-0``, with or without its key), a row's label or a generator's
            name, or a board (``quick/mitdb``: study and dataset).
        dataset: of the boards of this one only.
        study: of the boards of studies of this name only.

    Raises:
        UsageError: nothing is called so, or several cells are; what is near is suggested.
    """
    parts = what.strip("/").split("/")
    if len(parts) == 2:
        study, dataset = _agreed(parts[0], study, "study"), _agreed(parts[1], dataset, "dataset")
        groups = gather.named(store, dataset, study)
        dropped = [{name for row in gather.asked(g) for name in row.cells.values()} for g in groups]
    elif len(parts) == 3:
        groups = gather.named(store, dataset, study)
        name = _cell(store, what.strip("/"), groups)
        dropped = [{name} for _ in groups]
    else:
        groups = gather.named(store, dataset, study)
        dropped = [_of_rows(group, what) for group in groups]
        if not any(dropped):
            known = {
                name for group in groups for row in gather.asked(group) for name in [_name(row)]
            }
            raise UsageError(
                f"{store.path} has no cell, row or board {what!r}; {suggest(what, known)}"
            )
    return _found(store, list(zip(groups, dropped, strict=True)))


def forget(store: Store, found: Forgotten) -> None:
    """Take out what was chosen.

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
            with suppress(FileNotFoundError):
                (folder / "cell.json").unlink()  # first: half a cell must not look like a whole one
            shutil.rmtree(folder, ignore_errors=True)
            for parent in (folder.parent, folder.parent.parent):
                with suppress(OSError):  # another cell is there
                    parent.rmdir()


def _found(store: Store, chosen: Iterable[tuple[list[Used], set[str]]]) -> Forgotten:
    found = Forgotten()
    dropped: dict[int, tuple[PlanRecord, set[str]]] = {}
    for group, names in chosen:
        plan, used = group[0]
        asked = {name for row in gather.asked(group) for name in row.cells.values()}
        if not (here := names & asked):
            continue
        rows = [_name(row) for row in gather.asked(group) if here & set(row.cells.values())]
        ended = sum(store.has_ended(name) for name in here)
        settings = "".join(f", {key} = {value}" for key, value in sorted(plan.settings.items()))
        found.boards.append(
            f"{plan.study}/{used.name}{settings}: {len(here)} of {len(asked)} cells, {ended} of them "
            f"ended ({', '.join(dict.fromkeys(rows))})"
        )
        found.datasets.add(used.name)
        for each, _ in group:
            of_plan = here & {cell.name for cell in each.cells}
            dropped.setdefault(id(each), (each, set()))[1].update(of_plan)
    all_names = {name for _, names in dropped.values() for name in names}
    found.plans = [(plan, names) for plan, names in dropped.values() if names]
    wanted = {
        cell.name
        for plan in store.plans()
        for cell in plan.cells
        if cell.name not in _dropped_of(plan, found.plans)
    }
    found.cells = sorted(all_names - wanted)
    found.kept = len(all_names & wanted)
    return found


def _dropped_of(plan: PlanRecord, plans: list[tuple[PlanRecord, set[str]]]) -> set[str]:
    return next((names for each, names in plans if each == plan), set())


def _of_rows(group: list[Used], what: str) -> set[str]:
    """Names of the cells of the row that has this label, or of all that are called so."""
    rows = gather.asked(group)
    labels = gather.labels(row.generator for row in rows)
    chosen = [row for row in rows if labels[row.generator.key] == what]
    chosen = chosen or [row for row in rows if _name(row) == what]
    return {name for row in chosen for name in row.cells.values()}


def _cell(store: Store, wanted: str, groups: list[list[Used]]) -> str:
    """The full name of a cell that plans ask for; it need not have ended."""
    known = {name for g in groups for row in gather.asked(g) for name in row.cells.values()}
    found = sorted(name for name in known if wanted in (name, name.rpartition("-")[0]))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{wanted!r} is one of several cells: {', '.join(found)}")
    raise UsageError(f"{store.path} has no cell {wanted!r}; {suggest(wanted, known)}")


def _agreed(said: str, flag: str | None, what: str) -> str:
    if flag not in (None, said):
        raise UsageError(f"the board is of {what} {said!r}, --{what} says {flag!r}; leave one out")
    return said


def _name(row: gather.Asked) -> str:
    return row.generator.name
