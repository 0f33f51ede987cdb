"""``ecgbench run``: the main job."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.config import parse_overrides
from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.datasets import absent, prepared, with_datasets
from ecgbench.harness.cli.machine import machine_and_pool
from ecgbench.harness.cli.options import (
    data_dir_option,
    json_option,
    machine_options,
    names,
    plugin_option,
    seeds,
    store_option,
    study_options,
)
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.report import relative, report, warn
from ecgbench.harness.engine.run import work_through
from ecgbench.harness.planning import study
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import Plan, make_plan
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.engine.run import Machine
    from ecgbench.harness.planning.plan import Cell
    from ecgbench.harness.planning.study import Study

STATES = {"done": "green", "todo": "yellow", "failed": "red", "skipped": "dim"}

MOST_ROWS = 100
"""Of a plan that are printed; a larger one is counted."""


@click.command()
@click.option("--generators", type=names, metavar="A,B", help="Default: the study's.")
@click.option("--datasets", type=names, metavar="A,B", help="Default: what is on this machine.")
@click.option("--metrics", type=names, metavar="A,B", help="Default: all.")
@click.option("--seeds", "seed_list", type=seeds, metavar="0,1|0-5", help="Default: the study's.")
@study_options
@click.option("--no-references", is_flag=True, help="Leave the reference rows out.")
@click.option("--retry-failed", is_flag=True, help="Run failed cells and scores again.")
@click.option("--fresh", is_flag=True, help="Run what other code of the same version made again.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--verify", is_flag=True, help="First read every stored file against its digest.")
@json_option
@machine_options
@plugin_option
@data_dir_option
@store_option
def run(
    generators: tuple[str, ...] | None,
    datasets: tuple[str, ...] | None,
    metrics: tuple[str, ...] | None,
    seed_list: tuple[int, ...] | None,
    study_name: str,
    assignments: tuple[str, ...],
    windows: int | None,
    no_references: bool,
    retry_failed: bool,
    fresh: bool,
    dry_run: bool,
    verify: bool,
    json_events: bool,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
    **machine_settings: Any,
) -> int:
    """Fit each generator on each dataset, score it with each metric, and print the board.

    What is finished is not done again: start the same command after any interruption.
    """
    # with --json standard output is for events alone
    console = Console(stderr=json_events)
    catalog = discover(plugins)
    for problem in catalog.problems:
        click.echo(f"problem: {plain(problem)}", err=True)
    asked = study.override(
        study.read(study_name),
        datasets=datasets or (),
        generators=generators or (),
        metrics=metrics or (),
        seeds=seed_list or (),
        windows=windows,
        references=not no_references,
        settings=parse_overrides(assignments),
    )
    resolved = study.resolve(with_datasets(asked, catalog, data_dir, console), catalog)
    if dry_run and (missing := absent(resolved, catalog, data_dir)):
        console.print(
            f"{', '.join(missing)}: not on this machine; the run would fetch it first. "
            "Its cells cannot be planned before that.",
        )
        return 0
    sources, records = prepared(resolved, catalog, data_dir, console)
    store = Store(store_path)
    if verify:
        set_aside_damaged(store, console)
    plan = make_plan(resolved, catalog, records, store, retry_failed=retry_failed, fresh=fresh)
    with machine_and_pool(catalog, smoke=resolved.smoke, **machine_settings) as (machine, pool):
        _show_plan(plan, resolved, machine, pool.slots, console)
        if dry_run:
            return 0
        with watch(console, len(plan.todo), as_json=json_events) as watching:
            work_through(plan, store, resolved, sources, machine, watching, pool)
    return report(plan, store, catalog, console)


def set_aside_damaged(store: Store, console: Console) -> None:
    """Read every file of every cell against its digest, and set aside what is damaged."""
    with Leases(store.path) as leases:
        for cell in list(store.cell_names()):
            if (lease := leases.take(cell)) is None:
                continue  # another run works on it, and reads what it needs
            while (file := store.damage(cell)) is not None:
                aside = store.set_aside(cell, file)
                console.print(
                    Text(f"damaged: {relative(file)}; set aside in {relative(aside)}", style="red")
                )
            leases.give_back(lease)


def _show_plan(plan: Plan, resolved: Study, machine: Machine, jobs: int, console: Console) -> None:
    counts = Counter(cell.state for cell in plan.cells)
    scores = sum(len(cell.missing) for cell in plan.todo)
    side_by_side = f"{jobs} job{'s' if jobs > 1 else ''}"
    threads = f"{machine.threads} thread{'s' if machine.threads > 1 else ''} each"
    console.print(
        Text.assemble(
            ("plan ", "bold"),
            f"study {resolved.name}: {len(plan.record.datasets)} datasets × "
            f"{len(plan.record.generators)} generators × {len(resolved.seeds)} seeds = "
            f"{len(plan.cells)} cells, {len(plan.record.metrics)} metrics; "
            f"{machine.device}, {side_by_side}, {threads}",
        )
    )
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in plan.cells:
        rows.setdefault((cell.id.dataset.name, cell.id.generator.name), []).append(cell)
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
                "The first cell of each dataset and seed takes longer: it trains what all share.",
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
