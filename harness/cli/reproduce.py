"""``ecgbench reproduce``: a stored cell, run again from its own record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.completion import stored_cells
from ecgbench.harness.cli.options import data_dir_option, plugin_option, store_option
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.reproduce import reproduce as again
from ecgbench.results.render.text import number
from ecgbench.results.store.progress import Stage
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.reproduce import Reproduction

STYLES = {"differs": "red", "not compared": "dim"}


@click.command()
@click.argument("cell", shell_complete=stored_cells)
@plugin_option
@data_dir_option
@store_option
def reproduce(cell: str, plugins: tuple[Path, ...], data_dir: Path | None, store_path: Path) -> int:
    """Run a stored cell again from its own record, and compare.

    CELL is named with or without its key, e.g. mitdb/gmm/seed-0. Nothing in the store changes. The exit
    code is 0 if every score comes out the same, or within its interval.
    """
    console = Console()
    store = Store(store_path)
    name = store.find(cell)
    catalog = discover(plugins)
    with console.status("") as status:

        def tell(message: Told) -> None:
            if isinstance(message, Stage):
                status.update(Text(f"{name}: {plain(message.name)}"))

        found = again(store, name, catalog, data_dir, tell)
    _print(name, found, console)
    return 0 if found.agrees else 1


def _print(name: str, found: Reproduction, console: Console) -> None:
    console.print(Text(name, style="bold"))
    if found.reason:
        console.print(Text(f"it could not be run again: {plain(found.reason)}", style="red"))
    elif found.same_bytes:
        console.print(Text("synthetic windows: the same to the byte", style="green"))
    else:
        console.print(Text("synthetic windows: others than then", style="yellow"))
    if found.scores:
        console.print(_scores(found))
    if found.versions:
        table = Table("differs", "then", "here", box=None, header_style="dim")
        for row in found.versions:
            table.add_row(*(Text(plain(text)) for text in row))
        console.print(table)
    elif not found.reason:
        console.print(Text("versions and processor are those of then", style="dim"))
    if not found.agrees:
        console.print(Text("it is not reproduced", style="bold red"))
    elif found.same_bytes:
        console.print(Text("it is reproduced", style="bold green"))
    else:
        console.print(Text("it is reproduced within the uncertainty of its scores", style="green"))


def _scores(found: Reproduction) -> Table:
    table = Table("metric", "then", "again", "", "", box=None, header_style="dim")
    for score in found.scores:
        table.add_row(
            Text(plain(score.metric)),
            number(score.stored),
            number(score.again, like=score.stored),
            Text(score.verdict, style=STYLES.get(score.verdict, "green")),
            Text(plain(score.note), style="dim"),
        )
    return table
