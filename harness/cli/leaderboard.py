"""``ecgbench leaderboard``: the boards of a store, again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.families import FAMILIES
from ecgbench.harness.api.boards import boards
from ecgbench.harness.cli.options import plugin_option, store_option
from ecgbench.harness.cli.progress.bar import tracking
from ecgbench.harness.cli.report import rest
from ecgbench.results.board.critical import critical
from ecgbench.results.render import FORMATS, render
from ecgbench.results.render.critical import show_critical, write_critical
from ecgbench.results.render.terminal import show, show_family, summarise
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.results.board.table import Board


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", *FORMATS]),
    default="terminal",
    show_default=True,
    help="How to print.",
)
@click.option("--all", "whole", is_flag=True, help="Every metric, with intervals and notes.")
@click.option("--family", help="The metrics of this family alone, with intervals and notes.")
@click.option("--dataset", help="The boards of this dataset only.")
@click.option("--study", help="The boards of studies of this name only.")
@click.option(
    "--critical-difference",
    "over_datasets",
    is_flag=True,
    help="Instead, average ranks over 10 datasets or more, with the critical difference.",
)
@plugin_option
@store_option
def leaderboard(
    form: str,
    whole: bool,
    family: str | None,
    dataset: str | None,
    study: str | None,
    over_datasets: bool,
    plugins: tuple[Path, ...],
    store_path: Path,
) -> None:
    """Print the boards of a store: one for each dataset, study and settings.

    The headline comes first: ranks and at most six metrics of each board. The other formats hold every
    metric.
    """
    _check(form, family, whole=whole)
    if over_datasets and (dataset is not None or form != "terminal"):
        raise UsageError(
            "--critical-difference is over all datasets, in the terminal and as a picture; leave out "
            "--dataset and --format"
        )
    with tracking(Console()) as track:
        chosen: list[Board] = [
            *boards(store_path, dataset=dataset, study=study, plugins=plugins, track=track)
        ]
    if over_datasets:
        _show_critical(chosen, Store(store_path))
    elif form == "terminal":
        _show(chosen, family, store_path, whole=whole)
    else:
        # as in the files, whatever the terminal's encoding: it may be for a program
        click.echo(render(chosen, form).encode(), nl=False)


def _check(form: str, family: str | None, *, whole: bool) -> None:
    """Check the options of the tables.

    Raises:
        UsageError: two of them contradict each other, or there is no such family.
    """
    if (whole or family is not None) and form != "terminal":
        raise UsageError(
            f"--all and --family are for the terminal; --format {form} holds all metrics"
        )
    if whole and family is not None:
        raise UsageError("--all prints every family; leave out --family")
    if family is not None and family not in FAMILIES:
        raise UsageError(f"no family is called {family!r}; {suggest(family, FAMILIES)}")


def _show(chosen: list[Board], family: str | None, store: Path, *, whole: bool) -> None:
    """Print the headline of boards, or all tables, or those of a family."""
    console = Console()
    if whole:
        show(chosen, console)
    elif family is not None:
        show_family(chosen, family, console)
    else:
        summarise(chosen, console)
        console.print()
        rest(store, console)


def _show_critical(chosen: list[Board], store: Store) -> None:
    console = Console()
    for diagram in critical(chosen):
        path = write_critical(diagram, store)  # first: a terminal may fail
        show_critical(diagram, console)
        console.print(Text(f"written: {path}"), soft_wrap=True)
