"""``ecgbench forget``: unwanted cells, rows and boards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.completion import completes, stored_cells, studies
from ecgbench.harness.cli.options import plugin_option, store_option
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.board import boards
from ecgbench.results.board.forget import choose
from ecgbench.results.board.forget import forget as take_out
from ecgbench.results.board.plans import groups
from ecgbench.results.render import remove_boards, write_boards
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("what", metavar="CELL | GENERATOR | BOARD", shell_complete=stored_cells)
@click.option(
    "--dataset", shell_complete=completes("dataset"), help="On the boards of this dataset only."
)
@click.option("--study", shell_complete=studies, help="On the boards of studies of this name only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plugin_option
@store_option
def forget(
    what: str,
    dataset: str | None,
    study: str | None,
    yes: bool,
    plugins: tuple[Path, ...],
    store_path: Path,
) -> int:
    """Remove a cell, a generator's rows or a board from a store, for good.

    A CELL is named with or without its key (mitdb/gmm/seed-0), a GENERATOR by its name or its row's
    label, a BOARD by study and dataset (quick/mitdb). Cells of another board stay. The exit code
    is 1 if the answer is no.
    """
    console = Console()
    store = Store(store_path)
    catalogue = facts(discover(plugins))
    found = choose(store, what, catalogue, dataset=dataset, study=study)
    for line in found.boards:
        console.print(Text(plain(line)), soft_wrap=True)
    stay = f"; {found.kept} stay, for another board has them" if found.kept else ""
    console.print(Text(f"{len(found.cells)} cells are to be removed from {store.path}{stay}"))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("forget asks before it removes anything; --yes answers")
        if not click.confirm("Remove them, with their scores?"):
            console.print("nothing was removed")
            return 1
    take_out(store, found)
    left = [group for group in groups(store) if group[0].dataset.name in found.datasets]
    write_boards(boards(store, catalogue, left), store)
    remove_boards(found.datasets - {group[0].dataset.name for group in left}, store)
    console.print(Text("removed", style="green"))
    return 0
