"""``ecgbench explore``: what a dataset is made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Console

from ecgbench.contracts.config import parse_assignments
from ecgbench.contracts.errors import UsageError
from ecgbench.contracts.plain import ascii_json
from ecgbench.harness.cli.completion import completes
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    plugin_option,
    study_options,
)
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from ecgbench.harness.api.explore import Explored


@click.command()
@click.argument("dataset", shell_complete=completes("dataset"))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write one page .html with pictures.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Draws the example windows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@study_options
@plugin_option
@data_dir_option
def explore(
    dataset: str, out: Path | None, as_json: bool, assignments: tuple[str, ...], **asked: Any
) -> None:
    """Tell classes, people, leads, heart rates, quality and splits of a DATASET.

    The page of --out is one file. It shows windows of the dataset only if it may be redistributed.
    """
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{out}: the page is a file .html")
    from ecgbench.harness.api.explore import explore as look  # noqa: PLC0415 - it imports numpy
    from ecgbench.results.render.exploration import show_exploration  # noqa: PLC0415 - as above

    with telling(Console(stderr=True)) as tell:
        found = look(dataset, settings=parse_assignments(assignments), on_progress=tell, **asked)
    if out is not None:
        write(out.absolute(), _page(found).encode())
    if as_json:
        content = {"dataset": found.spec.name, **msgspec.to_builtins(found.facts)}
        click.echo(ascii_json(msgspec.json.format(msgspec.json.encode(content), indent=1)))
        return
    show_exploration(found.spec.name, found.facts, Console())
    if out is not None:
        click.echo(f"written: {out}")


def _page(found: Explored) -> str:
    from ecgbench.results.render.exploration import to_page  # noqa: PLC0415 - as above

    return to_page(found.spec.name, found.facts, found.examples(), found.why_no_examples)
