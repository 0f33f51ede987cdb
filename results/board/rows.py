"""The rows of a board: the generators of its plans, and their common seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.board.labels import labels_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.exchange.provenance import Origins
    from ecgbench.results.store.records import GeneratorRecord

MAX_SETS = 500
"""Sets of seeds to look at in choosing the board's."""


@dataclass(frozen=True)
class PlannedRow:
    """A generator with its cells on a dataset, as plans have them.

    Attributes:
        generator: a competitor or a reference row, as the catalogue has it.
        cells: names by seed.
        counts: whether its results may be compared; False for unverified cells of an archive: a board
            only shows such a row.
        label: its name on the board.
    """

    generator: GeneratorRecord
    cells: dict[int, str]
    counts: bool = True
    label: str = ""

    @property
    def competes(self) -> bool:
        """Whether it is ranked."""
        return self.counts and not self.generator.reference


def planned_rows(group: list[BoardPlan], catalogue: Catalogue, known: Origins) -> list[PlannedRow]:
    """Return a row for each generator of the plans; rows that do not count come last.

    A cell of merged plans alone counts once all its scores are verified.  The others make rows of their
    own, beside the counting rows of the same generators.

    Args:
        group: the plans of a board.
        catalogue: facts of the installed plugins.
        known: the origins of all that was made elsewhere.
    """
    counted: dict[str, PlannedRow] = {}
    shown: dict[str, PlannedRow] = {}
    for member in group:
        for key, seed, name, generator in _planned(member):
            if member.own or name in known.cells:
                record = catalogue.generator(generator, own=member.own)
                counted.setdefault(key, PlannedRow(record, {})).cells[seed] = name
            if not member.own:
                record = catalogue.generator(generator, own=False)
                shown.setdefault(key, PlannedRow(record, {}, counts=False)).cells[seed] = name
    rows = [*_joined(counted.values()), *_joined(shown.values())]
    names = labels_with(
        *([row.generator for row in rows if row.counts is counts] for counts in (True, False))
    )
    taken: set[str] = set()
    for place, row in enumerate(rows):
        label = names[row.generator.key]
        label += " merged" * (label in taken)
        taken.add(label)
        rows[place] = replace(row, label=label)
    return rows


def _planned(member: BoardPlan) -> Iterable[tuple[str, int, str, GeneratorRecord]]:
    """Yield the generator's key, the seed, the name and the generator of each cell on the board's dataset."""
    plan = member.plan
    keys = [generator.key for generator in plan.generators]
    of_board = {place for place, d in enumerate(plan.datasets) if d.key == member.dataset.key}
    for cell in plan.cells:
        if cell.dataset in of_board and 0 <= cell.generator < len(keys):
            yield keys[cell.generator], cell.seed, cell.name, plan.generators[cell.generator]


def _joined(planned: Iterable[PlannedRow]) -> list[PlannedRow]:
    """Return the rows, with one row for all submissions of a model."""
    planned = list(planned)
    rows = [row for row in planned if not row.generator.submitted]
    submitted: dict[str, list[PlannedRow]] = {}
    for row in planned:
        if row.generator.submitted:
            submitted.setdefault(row.generator.name, []).append(row)
    for parts in submitted.values():
        rows += _merged(parts)
    return rows


def _merged(parts: list[PlannedRow]) -> list[PlannedRow]:
    """Return one row for the windows of one model, submitted for several seeds.

    If two submissions of one name are for the same seed, nothing tells their models apart, so each is a
    row.
    """
    seeds = [seed for part in parts for seed in part.cells]
    if len(parts) == 1 or len(set(seeds)) < len(seeds):
        return parts
    parts = sorted(parts, key=lambda part: min(part.cells))
    windows = [part.generator.settings.get("windows") for part in parts]
    generator = msgspec.structs.replace(parts[0].generator, settings={"windows": windows})
    cells = {seed: name for part in parts for seed, name in part.cells.items()}
    return [replace(parts[0], generator=generator, cells=cells)]


def board_seeds(rows: Sequence[PlannedRow]) -> tuple[int, ...]:
    """Return the seeds of a board: as many as more than half of the competitors share.

    Rows are paired by seed, so all need the same seeds.  With this choice a row with more seeds than
    the others does not put them behind, a row with fewer does not take their seeds from them, and rows
    only shown have no say.  If more than half share no seed, the set with the most competitors is chosen.
    """
    competing = next(
        filter(
            None,
            (
                [row for row in rows if row.competes],
                [row for row in rows if row.counts],
                [row for row in rows if not row.generator.reference],
                rows,
            ),
        ),
        [],
    )
    sets = Counter(frozenset(row.cells) for row in competing)
    candidates = set[frozenset[int]]()
    for of_row, _ in sets.most_common(MAX_SETS):
        candidates |= {of_row, *(of_row & other for other in candidates)} - {frozenset()}
        if len(candidates) > MAX_SETS:
            break

    def worth(chosen: frozenset[int]) -> tuple[bool, int, int, list[int]]:
        complete = sum(count for of_row, count in sets.items() if chosen <= of_row)
        most = 2 * complete > len(competing)
        sizes = (len(chosen), complete) if most else (complete, len(chosen))
        return most, *sizes, sorted(-seed for seed in chosen)

    best: frozenset[int] = max(candidates, key=worth, default=frozenset())
    return tuple(sorted(best))
