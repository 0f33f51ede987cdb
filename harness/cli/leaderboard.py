"""``ecgbench leaderboard``: the boards of a store, again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console

from ecgbench.harness.cli.options import store_option
from ecgbench.harness.errors import UsageError, suggest
from ecgbench.results.board import boards
from ecgbench.results.render import render
from ecgbench.results.render.terminal import show
from ecgbench.results.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "csv", "json", "latex"]),
    default="terminal",
    show_default=True,
)
@click.option("--dataset", help="The boards of this dataset only.")
@store_option
def leaderboard(form: str, dataset: str | None, store_path: Path) -> None:
    """Print the boards of a store: one for each dataset, study and settings."""
    store = Store(store_path)
    found = boards(store, dataset=dataset)
    if not found:
        known = {used.name for plan in store.plans() for used in plan.datasets}
        if dataset is not None and known:
            raise UsageError(f"{store.path} has no board of {dataset!r}; {suggest(dataset, known)}")
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another folder"
        )
    if form == "terminal":
        show(found, Console())
    else:
        click.echo(render(found, form), nl=False)  # type: ignore[arg-type]  # the choices are the formats
