"""``ecgbench report``: a static site of the boards of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ecgbench.harness.api.places import relative
from ecgbench.harness.api.report import report
from ecgbench.harness.cli.options import plugin_option, store_option
from ecgbench.harness.cli.progress.bar import tracking


@click.command("report")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the site: new, empty, or an earlier site.",
)
@click.option("--dataset", help="The boards of this dataset only.")
@click.option("--study", help="The boards of studies of this name only.")
@plugin_option
@store_option
def site(out: Path, store_path: Path, **chosen: Any) -> None:
    """Write a static site of the boards of a store.

    It opens from disk and from any web server, and requests nothing from elsewhere. Pictures are copied
    only if the dataset may be redistributed.
    """
    console = Console()
    with tracking(console) as track:
        index = report(out, store_path, track=track, **chosen)
    console.print(Text(f"written: {relative(index.absolute())}"), soft_wrap=True)
