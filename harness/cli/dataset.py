"""``ecgbench dataset check``: reads a dataset and tells what it holds."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.config import parse_overrides
from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.plain import counted, plain
from ecgbench.harness.api.check_dataset import check_dataset
from ecgbench.harness.cli.options import data_dir_option, plugin_option
from ecgbench.harness.planning.catalog import Catalog, discover


@click.command()
@click.argument("action", type=click.Choice(["check"]))
@click.argument("what", metavar="NAME|FILE")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="dataset.NAME.SETTING=VALUE",
    help="A setting of the dataset; may be repeated.",
)
@plugin_option
@data_dir_option
def dataset(
    action: str,
    what: str,
    assignments: tuple[str, ...],
    plugins: tuple[Path, ...],
    data_dir: Path | None,
) -> int:
    """Read a whole dataset, by NAME or by its dataset FILE, and tell what it holds.

    People, records, windows by class, what was left out and why, spans in mV, heart rates; then what
    looks wrong: damaged records, suspicious units, windows of two people in common. The exit code is 1
    if something does.
    """
    del action  # there is one
    console = Console()
    name, catalog = _named(what, plugins)
    settings = parse_overrides(assignments).get("dataset", {})
    for other in settings:
        if other != name:
            raise UsageError(f"--set dataset.{other}: the dataset is called {name}")
    found = check_dataset(name, catalog, settings.get(name, {}), data_dir)
    spec = catalog.dataset(name)
    console.print(Text(f"dataset {name}: {plain(spec.summary)}", style="bold"), soft_wrap=True)
    table = Table(box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for title, text in found.facts:
        table.add_row(Text(plain(title)), Text(plain(text)))
    console.print(table)
    for problem in found.problems:
        console.print(Text(f"problem: {plain(problem)}", style="red"), soft_wrap=True)
    problems = counted(len(found.problems), "problem")
    console.print(Text(problems if found.problems else "nothing looks wrong"))
    return 1 if found.problems else 0


def _named(what: str, plugins: tuple[Path, ...]) -> tuple[str, Catalog]:
    """Return the name of a dataset, and the catalog with it."""
    if Path(what).suffix not in (".toml", ".py"):
        return what, discover(plugins)
    catalog = discover([*plugins, what])
    plugin = f"file:{Path(what).resolve()}"
    names = [e.spec.name for e in catalog.of_kind("dataset") if e.origin.plugin == plugin]
    if len(names) != 1:
        raise UsageError(f"{what} offers {len(names)} datasets: {', '.join(names) or 'none'}")
    return names[0], catalog
