"""What a command that ran a plan prints: warnings before, boards and failures after."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.options import DEFAULT_STORE
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.board import boards
from ecgbench.results.board.plans import groups
from ecgbench.results.render import write_boards
from ecgbench.results.render.terminal import summarise

if TYPE_CHECKING:
    from rich.console import Console

    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Plan
    from ecgbench.results.store.store import Store

MOST_WARNINGS = 20
"""Of a plan that are printed."""


def warn(plan: Plan, console: Console) -> None:
    """Tell what a reader must know of stored results, as far as a screen holds it."""
    for warning in plan.warnings[:MOST_WARNINGS]:
        console.print(Text(f"warning: {plain(warning)}", style="yellow"), soft_wrap=True)
    if (more := len(plan.warnings) - MOST_WARNINGS) > 0:
        console.print(Text(f"… and {more} more warnings", style="yellow"))


def report(plan: Plan, store: Store, catalog: Catalog, console: Console) -> int:
    """Print a summary of a plan's boards, write all tables, and return the exit code."""
    names_used = {record.name for record in plan.record.datasets}
    chosen = [group for group in groups(store) if group[0].dataset.name in names_used]
    found = boards(store, facts(catalog), chosen)
    paths = write_boards(found, store)  # first: a terminal that fails must not cost the tables
    used = {record.key for record in plan.record.datasets}
    ours = [b for b in found if b.key == plan.record.board_key and b.dataset.key in used]
    summarise(ours, console)
    console.print()
    command = f"ecgbench leaderboard{_option(store)}"
    console.print(
        Text.assemble("All metrics, with intervals and notes: ", (command, "bold")), soft_wrap=True
    )
    for folder in dict.fromkeys(path.with_suffix("") for path in paths):
        suffixes = ",".join(p.suffix[1:] for p in paths if p.with_suffix("") == folder)
        console.print(Text(f"written: {relative(folder)}.{{{suffixes}}}"), soft_wrap=True)
    failed = [name for name, state in _ended_states(plan, store).items() if state == "failed"]
    if failed:
        console.print(
            Text(
                f"{len(failed)} cells failed, or a score of theirs did; the reasons stand above, "
                f"the details in {relative(store.path)}/cells/{failed[0]}/log.txt; "
                "--retry-failed runs them again",
                style="red",
            )
        )
    return 1 if failed else 0


def _option(store: Store) -> str:
    """The option that names a store, where the command does not find it by itself."""
    path = relative(store.path)
    return "" if path == DEFAULT_STORE else f" --store {shlex.quote(str(path))}"


def _ended_states(plan: Plan, store: Store) -> dict[str, str]:
    states: dict[str, str] = {}
    for cell in plan.cells:
        record = store.cell(cell.id.name)
        if record is None:
            continue
        scores = [store.score(cell.id.name, metric) for metric in plan.record.metrics]
        failed = record.status == "failed" or any(s and s.status == "failed" for s in scores)
        states[cell.id.name] = "failed" if failed else record.status
    return states


def relative(path: Path) -> Path:
    """Return a path as it is from the working folder, if it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
