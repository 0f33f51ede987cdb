"""A store of ours, an archive of a stranger's, and what the boards of both say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.results.board.board import boards
from ecgbench.results.store.records import (
    ContributionsRecord,
    GeneratorRecord,
    PlannedCell,
    PlanRecord,
)
from tests.results.conftest import installed
from tests.results.exchange.builders import DATASET, PLUGIN, Source, metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.results.board.table import Board
    from ecgbench.results.store.records import CellRecord, MetricRecord

LEVEL, LEAK = metric(), metric("leak", family="privacy", null=0.5, bounds=(0.0, 1.0))
KNOWN = installed([LEVEL, LEAK])


def by_person(mean: float, seed: int, of: int = 20) -> ContributionsRecord:
    values = np.random.default_rng([3, seed]).normal(mean, 0.3, size=of)
    values += mean - values.mean()
    return ContributionsRecord(
        people=list(range(of)),
        numerators=[[value] for value in values.tolist()],
        denominators=[[1.0]] * of,
        coefficients=[1.0],
        offset=0.0,
    )


def fill(source: Source, values: dict[str, float], seeds: range, **how: Any) -> None:
    """Write cells of these generators, scored by `LEVEL` and `LEAK`, and their plan."""
    records = [
        scored(source, source.cell(generator, seed), value)
        for generator, value in values.items()
        for seed in seeds
    ]
    plan(source, records, **how)


def scored(source: Source, record: CellRecord, value: float) -> CellRecord:
    for each, of in ((LEVEL, value), (LEAK, 0.5 + value / 20)):
        contributions = by_person(of, record.cell.seed)
        source.score(record, each.name, metric=each, value=of, contributions=contributions)
    return record


def plan(
    source: Source,
    records: list[CellRecord],
    metrics: list[MetricRecord] | None = None,
    **of_generators: Any,
) -> PlanRecord:
    names = list(dict.fromkeys(record.cell.generator.name for record in records))
    made = PlanRecord(
        protocol=1,
        study="quick",
        settings={},
        datasets=[DATASET],
        generators=[GeneratorRecord(name=n, **PLUGIN | of_generators.get(n, {})) for n in names],
        metrics=[LEVEL, LEAK] if metrics is None else metrics,
        cells=[
            PlannedCell(
                name=record.cell.name,
                dataset=0,
                generator=names.index(record.cell.generator.name),
                seed=record.cell.seed,
            )
            for record in records
        ],
    )
    source.store.write_plan(made)
    return made


def board_of(source: Source) -> Board:
    (found,) = boards(source.store, KNOWN)
    return found


def told(board: Board) -> list[Any]:
    """All that a board says of the rows that count."""
    rows = [
        (
            row.label,
            row.ranks,
            row.merged,
            row.left_out,
            {k: row.scores[k] for k in ("level", "leak")},
        )
        for row in board.rows
        if row.counts
    ]
    return [rows, board.seeds, board.people, board.front]


def shown(board: Board) -> dict[str, str]:
    return {row.label: row.merged for row in board.shown}


def our_store(folder: Path) -> Source:
    """A store with two competitors and a reference row on four seeds."""
    source = Source(folder / "ours")
    fill(source, {"a": 1.0, "b": 2.0, "real": 0.1}, range(4), real={"reference": True})
    return source


# --- archives ----------------------------------------------------------------------------------------


def better_rival(theirs: Source) -> None:
    fill(theirs, {"rival": 0.0}, range(9))


def failed_cells_of_ours(theirs: Source) -> None:
    plan(theirs, [theirs.cell("b", s, status="failed", reason="no") for s in range(4, 14)])


def more_seeds_of_ours(theirs: Source) -> None:
    fill(theirs, {"b": 0.0}, range(4, 9))


def flipped(theirs: Source) -> None:
    lies = [
        msgspec.structs.replace(LEVEL, better="higher", family="cost", bounds=(0.0, 0.0)),
        msgspec.structs.replace(LEAK, ranked=False, null=0.9, needs_both_folds=True),
    ]
    record = scored(theirs, theirs.cell("rival"), 0.0)
    plan(theirs, [record], lies * 30, rival={"reference": True})


def ours_is_a_reference_row(theirs: Source) -> None:
    fill(theirs, {"b": 2.0, "a": 1.0}, range(4), b={"reference": True})


def version_999(theirs: Source) -> None:
    newer = msgspec.structs.replace(LEVEL, version=999)
    record = theirs.cell("b")
    theirs.score(record, metric=newer, value=0.0)
    plan(theirs, [record], [newer])


def made_up_metrics(theirs: Source) -> None:
    record = theirs.cell("b")
    made_up = [metric(f"mine-{number}", family="utility") for number in range(48)]
    for each in made_up:
        theirs.score(record, each.name, metric=each, value=0.0)
    plan(theirs, [record], made_up)


def scores_that_ours_lack(theirs: Source) -> None:
    extra = msgspec.structs.replace(LEVEL, settings={"bins": 9})
    record = theirs.cell("b")
    theirs.score(record, metric=extra, value=0.0)
    plan(theirs, [record], [extra])


def people_whom_nobody_has(theirs: Source) -> None:
    record = theirs.cell("rival")
    theirs.score(record, value=0.0, metric=LEVEL, contributions=by_person(0.0, 0, of=900))
    plan(theirs, [record])


def another_version_of_a_generator(theirs: Source) -> None:
    record = theirs.cell("b")
    newer = msgspec.structs.replace(record.cell.generator, version=2)
    cell = msgspec.structs.replace(record.cell, generator=newer)
    other = msgspec.structs.replace(record, cell=cell)
    theirs.store.folder(record.cell.name).rename(theirs.store.folder(other.cell.name))
    theirs.store.write_cell(other)
    scored(theirs, other, 0.0)
    plan(theirs, [other], b={"version": 2})


def a_seed_that_nobody_has(theirs: Source) -> None:
    plan(theirs, [theirs.cell("b", seed=2**63 - 1)])


ATTACKS: list[Callable[[Source], None]] = [
    *(better_rival, failed_cells_of_ours, more_seeds_of_ours, flipped, ours_is_a_reference_row),
    *(version_999, made_up_metrics, scores_that_ours_lack, people_whom_nobody_has),
    *(another_version_of_a_generator, a_seed_that_nobody_has),
]
