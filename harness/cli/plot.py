"""``ecgbench plot``: pictures of a store for papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli.completion import completes, stored_rows, studies
from ecgbench.harness.cli.options import SEED, data_dir_option, names, plugin_option, store_option
from ecgbench.results.store.store import write

KINDS = (
    "windows",
    "classes",
    "spectra",
    "front",
    "roc",
    "people",
    "curves",
    "audit",
    "cost",
    "compare",
)
"""Of `ecgbench.harness.api.plot.KINDS`, whose module takes a second to import."""

SUFFIXES = ("pdf", "svg", "png")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The picture: a file .pdf, .svg or .png.",
)
@click.option(
    "--dataset",
    shell_complete=completes("dataset"),
    help="Of this dataset; needed if the store has several.",
)
@click.option("--study", shell_complete=studies, help="Of studies of this name.")
@click.option(
    "--generators",
    type=names,
    shell_complete=stored_rows,
    help="Labels of rows or names of generators, with commas; default: all but the references.",
)
@click.option(
    "--metric", shell_complete=completes("metric"), help="Of people, roc, audit and cost."
)
@click.option(
    "--seed", type=SEED, help="Of the cells; default: 0, and all of them in people and curves."
)
@click.option(
    "--drawing", type=SEED, default=0, show_default=True, help="Seed that draws the windows."
)
@click.option(
    "--count",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Windows of a class.",
)
@click.option("--no-nearest", is_flag=True, help="Leave out the nearest training windows.")
@click.option("--wide", is_flag=True, help="All windows of a class side by side: wider than A4.")
@click.option(
    "--dpi",
    type=click.IntRange(20, 1200),
    default=150,
    show_default=True,
    help="Dots per inch of a PNG.",
)
@plugin_option
@data_dir_option
@store_option
def plot(kind: str, out: Path, no_nearest: bool, dpi: int, store_path: Path, **asked: Any) -> None:
    """Draw a picture of a store as PDF, SVG or PNG, by the suffix of OUT.

    windows: on ECG paper, real beside synthetic, by class, drawn at random, each above its nearest training
    window. classes: mean and band of each class. spectra: power by frequency. front: utility against
    privacy. roc: attacks at few false alarms. people: who is given away. curves: training. audit: a
    metric's response to faults. cost: seconds of a fit against quality. compare: two rows, metric by metric.

    Real windows are drawn only if their dataset may be redistributed. windows, classes and spectra need
    the dataset on this machine, the others need the store alone.
    """
    form = out.suffix.lower().removeprefix(".")
    if form not in SUFFIXES:
        raise UsageError(f"{out}: a picture is a file .pdf, .svg or .png")
    from ecgbench.harness.api.plot import plot as draw  # noqa: PLC0415 - it imports matplotlib
    from ecgbench.results.pictures.canvas import to_bytes, to_small_png  # noqa: PLC0415 - as above

    drawn = draw(kind, store_path, neighbours=not no_nearest, **asked)
    content = to_small_png(drawn, dpi) if form == "png" else to_bytes(drawn, form)
    write(out.absolute(), content)
    click.echo(f"written: {out}")
