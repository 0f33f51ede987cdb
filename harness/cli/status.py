"""``ecgbench status``: how far the runs on a store are, from another terminal or machine."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.plain import ascii_json, plain
from ecgbench.harness.cli.options import store_option
from ecgbench.harness.cli.progress.say import duration, memory, steps, values
from ecgbench.results.board.labels import labels as labels_of
from ecgbench.results.board.plans import groups as plan_groups
from ecgbench.results.store.lease import BEAT, owners
from ecgbench.results.store.progress import Progress
from ecgbench.results.store.states import quick_state, with_lease
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.store.states import Bounds

STYLES = {"done": "green", "failed": "red", "skipped": "dim", "running": "cyan", "todo": "yellow"}

QUIET = 3 * BEAT
"""Seconds of silence before a run is worth a look."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How far a board is.

    Attributes:
        study: its name.
        dataset: its label; with a version or digits of its key if two have the same name.
        settings: values unlike the plugins' defaults.
        cells: wanted ones.
        done: with all their scores, without a failed one.
        failed: or a score of theirs did.
        skipped: because they do not apply.
        running: a run works on them.
        todo: nobody works on them.
    """

    study: str
    dataset: str
    settings: dict[str, Any]
    cells: int
    done: int
    failed: int
    skipped: int
    running: int
    todo: int


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """A running cell.

    Attributes:
        cell: its name.
        silent: seconds since its run gave a sign of life.
        progress: as the run noted it; None if it has noted nothing yet.
    """

    cell: str
    silent: float
    progress: Progress | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The output of ``ecgbench status --json``.

    Attributes:
        boards: by dataset and study.
        running: by name.
        damaged: files unlike the written ones, as far as was seen.
    """

    boards: list[Count]
    running: list[Working]
    damaged: list[str]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@store_option
def status(as_json: bool, store_path: Path) -> None:
    """Tell the done, failed and remaining cells of each board, and the progress of the running ones.

    Reads only, so it may be called at any time, on any machine with access to the store.
    """
    found = status_of(Store(store_path))
    if as_json:
        click.echo(ascii_json(msgspec.json.format(msgspec.json.encode(found), indent=1)))
        return
    console = Console()
    console.print(_boards(found.boards))
    console.print()
    if found.running:
        console.print(_running(found.running))
    else:
        left = sum(board.todo for board in found.boards)
        hint = "; ecgbench run continues" if left else ""
        console.print(Text(f"no run works on this store{hint}"))
    for file in found.damaged:
        text = f"damaged: {plain(file)}; the next ecgbench run makes it again"
        console.print(Text(text, style="red"), soft_wrap=True)


def status_of(store: Store) -> Status:
    """How far the runs on a store are.

    Args:
        store: read only.

    Raises:
        UsageError: nothing was asked for in this store.
        DamagedError: a plan is damaged.
        StoreError: the store cannot be read.
    """
    working = owners(store.path)
    groups = plan_groups(store)
    if not groups and not working:
        raise UsageError(
            f"{store.path} holds no plan of a run; ecgbench run makes one, --store names another "
            "folder"
        )
    damaged: list[str] = []
    labels = labels_of(used.dataset for group in groups for used in group[:1])
    return Status(
        boards=[_count(store, group, labels, working, damaged) for group in groups],
        running=[
            Working(cell=cell, silent=round(silent, 1), progress=store.progress(cell))
            for cell, silent in sorted(working.items())
        ],
        damaged=list(dict.fromkeys(damaged)),
    )


def _count(
    store: Store,
    group: list[BoardPlan],
    labels: Mapping[str, str],
    working: Collection[str],
    damaged: list[str],
) -> Count:
    wanted: dict[str, dict[str, Bounds]] = {}
    for plan, used, _ in group:
        scores = {store.score_file("", metric).name: metric.bounds for metric in plan.metrics}
        of_board = {place for place, d in enumerate(plan.datasets) if d.key == used.key}
        for cell in plan.cells:
            if cell.dataset in of_board:
                before = wanted.get(cell.name, scores)
                wanted[cell.name] = scores if scores == before else scores | before
    states: Counter[str] = Counter()
    cells = str(store.folder(""))
    for name, scores in wanted.items():
        state = quick_state(f"{cells}/{name}", scores, damaged)
        states[with_lease(state, name, working)] += 1
    plan, used, _ = group[0]
    return Count(
        study=plan.study,
        dataset=labels[used.key],
        settings=plan.settings,
        cells=len(wanted),
        **{state: states[state] for state in STYLES},
    )


def _boards(boards: list[Count]) -> Table:
    table = Table(box=None)
    table.add_column("board", header_style="dim", overflow="fold")
    for state in ("cells", *STYLES):
        table.add_column("to do" if state == "todo" else state, header_style="dim", justify="right")
    for board in boards:
        name = Text(f"{plain(board.study)}/{board.dataset}")
        for key, value in sorted(board.settings.items()):
            name.append(f"\n{plain(f'{key}={value}')}", style="dim")
        counts = {state: getattr(board, state) for state in STYLES}
        shown = [
            Text(f"{count} ({_percent(count, board.cells)})" if count else "–", style=STYLES[state])
            for state, count in counts.items()
        ]
        table.add_row(name, str(board.cells), *shown)
    return table


def _percent(part: int, whole: int) -> str:
    """Return whole percents: 0 means none, and 100 means all."""
    return f"{min(99, max(1, round(100 * part / whole))) if part < whole else 100}%"


def _running(running: list[Working]) -> Table:
    table = Table(box=None)
    for column in ("running", "stage", "step", "last values", "memory", "elapsed", "silent for"):
        table.add_column(column, header_style="dim", overflow="fold")
    for cell in running:
        progress = cell.progress or Progress(began=time.time())
        elapsed = duration(max(0.0, time.time() - progress.began)) if cell.progress else ""
        table.add_row(
            Text(plain(cell.cell.rpartition("-")[0]), style="cyan"),
            Text(plain(progress.stage) or "starting"),
            Text(steps(progress)),
            Text(values(progress)),
            Text(memory(progress.memory)),
            Text(elapsed),
            Text(duration(cell.silent), style="red" if cell.silent > QUIET else ""),
        )
    return table
