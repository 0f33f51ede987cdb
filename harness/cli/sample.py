"""``ecgbench sample``: synthetic windows of a finished cell, as files."""

from __future__ import annotations

from pathlib import Path

import click

from ecgbench.harness.api.sample import NOTE, write_sample
from ecgbench.harness.cli.completion import stored_cells
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    format_option,
    plugin_option,
    store_option,
)


@click.command()
@click.argument("cell", shell_complete=stored_cells)
@click.option("--n", type=click.IntRange(min=1), help="Number of windows; default: all.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Of the drawing from a kept model."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A new folder.",
)
@format_option
@plugin_option
@data_dir_option
@store_option
def sample(
    cell: str,
    n: int | None,
    seed: int,
    out: Path,
    form: str,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
    store_path: Path,
) -> None:
    """Write synthetic windows of a finished CELL, with a note on their origin and licence.

    A CELL is named with or without its key, e.g. mitdb/gmm/seed-0. Fewer windows than it has are drawn
    with every class in its proportion; more come from the fitted model of a run with --keep-models.
    Windows of real patients stay here.
    """
    path, windows = write_sample(
        out, cell, n, seed=seed, form=form, plugins=plugins, data_dir=data_dir, store=store_path
    )
    click.echo(
        f"{path}: {len(windows)} windows of {windows.signals.shape[1]} lead(s) × {windows.length} samples "
        f"at {windows.sampling_rate:g} Hz, mV\n{out / NOTE}: their origin and licence"
    )
