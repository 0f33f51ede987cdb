"""``ecgbench new``: a plugin to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.templates.make import EXAMPLES, make

if TYPE_CHECKING:
    from ecgbench.contracts.specs import Kind


@click.command()
@click.argument("kind", type=click.Choice(list(EXAMPLES)))
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The new folder, by default ecgbench-NAME; with --file, the folder of the file.",
)
@click.option("--file", "one_file", is_flag=True, help="Write one file for --plugin.")
def new(kind: Kind, name: str, out: Path | None, one_file: bool) -> None:
    """Write a plugin to start from: a working example with tests, ready to be installed.

    NAME has lower-case letters, digits and hyphens.  Nothing is overwritten.
    """
    if found := discover().entries.get((kind, name)):
        raise UsageError(
            f"{kind} {name!r} comes with {found[0].origin} already; choose another name"
        )
    made = make(kind, name, out, one_file=one_file)
    click.echo(f"{made.path}: the {kind} {name}, {EXAMPLES[kind].summary}")
    if not one_file:
        for file in made.files:
            click.echo(f"  {file.relative_to(made.path)}")
    if made.recordings:
        click.echo(f"{made.recordings}: simulated recordings; replace them by yours")
    click.echo("\nNext:")
    for command in _next(made.path, kind, name, made.run, one_file=one_file):
        click.echo(f"  {shlex.join(command)}")


def _next(
    path: Path, kind: Kind, name: str, run: tuple[str, ...], *, one_file: bool
) -> list[list[str]]:
    """Return the commands from the new plugin to a board."""
    place = str(path)
    if one_file:
        given = ["--plugin", place]
        read = [["ecgbench", "dataset", "check", place]] if place.endswith(".toml") else []
        return [
            *read,
            ["ecgbench", "show", kind, name, *given],
            ["ecgbench", "check", place],
            [*run, *given],
        ]
    return [
        ["pip", "install", "-e", f"{place}[test]"],
        ["ecgbench", "show", kind, name],
        ["ecgbench", "check", name],
        ["pytest", place],
        list(run),
    ]
