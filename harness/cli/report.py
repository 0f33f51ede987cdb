"""The output of a command around a plan: warnings before, boards and failures after."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.places import DEFAULT_STORE, relative
from ecgbench.results.render.terminal import summarise

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from ecgbench.harness.api.work import Run
    from ecgbench.harness.planning.plan import Plan

MOST_WARNINGS = 20
"""Printed warnings of a plan, at most."""


def warn(plan: Plan, console: Console) -> None:
    """Print the warnings about stored results, as far as a screen holds them."""
    for warning in plan.warnings[:MOST_WARNINGS]:
        console.print(Text(f"warning: {plain(warning)}", style="yellow"), soft_wrap=True)
    if (more := len(plan.warnings) - MOST_WARNINGS) > 0:
        console.print(Text(f"… and {more} more warnings", style="yellow"))


def report(run: Run, console: Console) -> int:
    """Print a summary of a run's boards, and return the exit code."""
    summarise([*run.boards], console, run.shown)
    console.print()
    rest(run.store, console)
    for folder in dict.fromkeys(path.with_suffix("") for path in run.written):
        suffixes = [p.suffix[1:] for p in run.written if p.with_suffix("") == folder]
        ends = suffixes[0] if len(suffixes) == 1 else f"{{{','.join(suffixes)}}}"
        console.print(Text(f"written: {relative(folder)}.{ends}"), soft_wrap=True)
    if left := run.counts.get("todo", 0):
        console.print(
            Text(
                f"{left} cells are still to do; the same command goes on with them", style="yellow"
            )
        )
    if run.failed:
        console.print(
            Text(
                f"{len(run.failed)} cells failed, or a score of theirs did; the reasons stand above, "
                f"the details in {relative(run.store)}/cells/{run.failed[0].cell}/log.txt; "
                "--retry-failed runs them again",
                style="red",
            )
        )
    return 0 if run.ok else 1


def rest(store: Path, console: Console) -> None:
    """Print the commands for all that a headline leaves out."""
    option = _option(store)
    for said, command in (
        ("All metrics, with intervals and notes", f"ecgbench leaderboard --all{option}"),
        ("Those of one family", f"ecgbench leaderboard --family privacy{option}"),
        ("Pages with charts and pictures", f"ecgbench report{option} --out site/"),
    ):
        console.print(Text.assemble(f"{said}: ", (command, "bold")), soft_wrap=True)


def _option(store: Path) -> str:
    """Return the option for a store, if the command does not find it by itself."""
    path = relative(store)
    return "" if path == DEFAULT_STORE else f" --store {shlex.quote(str(path))}"
