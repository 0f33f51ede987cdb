"""``ecgbench export`` and ``ecgbench merge``: finished cells, from one store to another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ecgbench.harness import exchange
from ecgbench.harness.catalog import discover
from ecgbench.harness.cli.options import data_dir_option, plugin_option, size, store_option
from ecgbench.harness.errors import EcgbenchError, UsageError
from ecgbench.harness.plain import plain
from ecgbench.results.archive import MAX_TOTAL, MAX_WHO
from ecgbench.results.merge import End, What
from ecgbench.results.merge import merge as take_in
from ecgbench.results.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.results.merge import Check, Outcome

KINDS: tuple[What, ...] = get_args(What)
ENDS: tuple[End, ...] = get_args(End)


@click.command()
@click.argument("cells", nargs=-1, metavar="[CELL]...")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dataset", help="The cells of this dataset only.")
@click.option("--by", "who", default="", help="Who made the results, in your own words.")
@plugin_option
@data_dir_option
@store_option
def export(
    cells: tuple[str, ...],
    out: Path,
    dataset: str | None,
    who: str,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
) -> int:
    """Make one file of a store's finished cells, or of some: for ecgbench merge elsewhere.

    A CELL is named with or without its key, e.g. mitdb/gmm/seed-0. Real patients' windows stay here.
    The exit code is 1 if something was left out because it is damaged.
    """
    if len(who) > MAX_WHO:
        raise UsageError(f"--by has {len(who)} characters; at most {MAX_WHO}")
    console = Console()
    store = Store(store_path)
    chosen = exchange.choose(store, cells, dataset)
    with console.status(f"{len(chosen)} cells"):
        done = exchange.export(store, chosen, out, discover(plugins), data_dir, who)
    if done.withheld:
        table = Table("cell", "stays here", "because", box=None, header_style="dim")
        for each in done.withheld:
            table.add_row(each.cell, *(Text(plain(text)) for text in (each.what, each.reason)))
        console.print(table)
    told = f"{len(done.cells)} cells, {done.scores} scores, {done.plans} plans"
    console.print(Text(f"{out}: {told}, {out.stat().st_size / 2**20:.1f} MiB", style="green"))
    return 1 if any(each.damaged for each in done.withheld) else 0


@click.command()
@click.argument(
    "archives", nargs=-1, required=True, metavar="ARCHIVE...", type=click.Path(path_type=Path)
)
@click.option(
    "--verify", is_flag=True, help="Score the windows again here, and refuse what differs."
)
@click.option(
    "--max-size",
    type=size,
    default=str(MAX_TOTAL),
    metavar="SIZE",
    help="Refuse an archive whose files have more bytes together; default: 64G.",
)
@plugin_option
@data_dir_option
@store_option
def merge(
    archives: tuple[Path, ...],
    verify: bool,
    max_size: int,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
) -> int:
    """Take what others have exported into a store; nothing that is here is overwritten.

    The exit code is 0 if all is here now, 1 if something was in conflict or refused, and 2 if an
    ARCHIVE could not be read at all.
    """
    console = Console()
    store = Store(store_path)
    check = _check(plugins, data_dir) if verify else None
    code = 0
    for file in archives:
        try:
            with console.status(escape(plain(str(file)))):
                outcomes = take_in(store, file, check, most=max_size)
        except EcgbenchError as error:
            click.echo(f"ecgbench: {plain(str(error))}", err=True)
            code = 2
            continue
        _print(file, outcomes, console)
        bad = any(outcome.end in ("conflict", "refused") for outcome in outcomes)
        code = max(code, int(bad))
    return code


def _check(plugins: tuple[Path, ...], data_dir: Path | None) -> Check:
    from ecgbench.harness.reproduce import differences  # noqa: PLC0415 - only --verify needs it

    catalog = discover(plugins)
    return lambda store, cell: differences(store, cell, catalog, data_dir)


def _print(file: Path, outcomes: Sequence[Outcome], console: Console) -> None:
    console.print(Text(plain(str(file)), style="bold"))
    counts = Counter((outcome.what, outcome.end) for outcome in outcomes)
    table = Table("", *ENDS, box=None, header_style="dim")
    for what in KINDS:
        table.add_row(f"{what}s", *(str(counts[what, end] or "–") for end in ENDS))
    console.print(table)
    conflicts = [outcome for outcome in outcomes if outcome.end == "conflict"]
    if conflicts:
        table = Table("conflict", "here", "in the archive", "", box=None, header_style="dim")
        for outcome in conflicts:
            told = (_name(outcome), outcome.ours, outcome.theirs, outcome.reason)
            table.add_row(*(Text(plain(text)) for text in told))
        console.print(table)
    for outcome in outcomes:
        if outcome.end == "refused":
            name = Text(f"refused: {plain(_name(outcome))}: ", style="red")
            console.print(name.append(plain(outcome.reason), style="default"))


def _name(outcome: Outcome) -> str:
    return f"{outcome.name} {outcome.metric}".rstrip()
