"""A plan in the terminal: its size, its rows, and warnings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import counted, plain
from ecgbench.harness.cli.report import warn
from ecgbench.results.board.labels import labels

if TYPE_CHECKING:
    from rich.console import Console

    from ecgbench.harness.api.work import Job
    from ecgbench.harness.planning.plan import Cell, Plan

STATES = {"done": "green", "todo": "yellow", "failed": "red", "skipped": "dim"}

MOST_ROWS = 100
"""Printed rows of a plan, at most; the others are counted."""


def show_plan(job: Job, console: Console) -> None:
    """Print a plan: its size, a line for each dataset and generator, and warnings."""
    plan, resolved, machine, jobs = job.plan, job.study, job.machine, job.pool.slots
    counts = Counter(cell.state for cell in plan.cells)
    scores = sum(len(cell.missing) for cell in plan.todo)
    side_by_side = counted(jobs, "job")
    threads = f"{counted(machine.threads, 'thread')} each"
    console.print(
        Text.assemble(
            ("plan ", "bold"),
            f"study {resolved.name}: {counted(len(plan.record.datasets), 'dataset')} × "
            f"{counted(len(plan.record.generators), 'generator')} × "
            f"{counted(len(resolved.seeds), 'seed')} = {counted(len(plan.cells), 'cell')}, "
            f"{counted(len(plan.record.metrics), 'metric')}; "
            f"{machine.device}, {side_by_side}, {threads}",
        )
    )
    rows: dict[tuple[str, str], list[Cell]] = {}
    names_of = labels(plan.record.generators)
    for cell in plan.cells:
        row = cell.id.dataset.name, names_of[cell.id.generator.key]
        rows.setdefault(row, []).append(cell)
    names = max((len(dataset + generator) for dataset, generator in rows), default=0)
    of_seeds = names + len(resolved.seeds) * len(" seed 10 ") < console.width
    columns = [f"seed {seed}" for seed in resolved.seeds] if of_seeds else ["cells"]
    table = Table(box=None, padding=(0, 1))
    for column in ("dataset", "generator", *columns):
        table.add_column(column, header_style="dim")
    for (dataset, generator), cells in list(rows.items())[:MOST_ROWS]:
        shown = [_state(cell, plan) for cell in cells] if of_seeds else [_states(cells)]
        table.add_row(dataset, generator, *shown)
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(Text(f" … and {len(rows) - MOST_ROWS} more rows", style="dim"))
    done = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    console.print(Text(f"{done}; {scores} scores to compute", style="dim"))
    if len(plan.todo) > len({(cell.id.dataset.name, cell.id.seed) for cell in plan.todo}):
        console.print(
            Text(
                "The first cell of each dataset and seed takes longer: it trains for all cells.",
                style="dim",
            )
        )
    warn(plan, console)


def _state(cell: Cell, plan: Plan) -> Text:
    shown: str = cell.state
    if cell.state == "todo" and len(cell.missing) < len(plan.record.metrics):
        shown += f" ({len(cell.missing)} scores)"
    if cell.reason:
        shown += f" ({plain(cell.reason)[:60]})"
    return Text(shown, style=STATES[cell.state])


def _states(cells: list[Cell]) -> Text:
    counts: Counter[str] = Counter(cell.state for cell in cells)
    parts = [Text(f"{s} {counts[s]}", style=style) for s, style in STATES.items() if counts[s]]
    return Text(", ").join(parts)
