"""``ecgbench fetch`` and ``ecgbench split``: data for this machine, and for models made elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console

from ecgbench.contracts.config import parse_assignments
from ecgbench.harness.api.datasets import fetch_dataset
from ecgbench.harness.cli.completion import completes
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    format_option,
    plugin_option,
    study_options,
)
from ecgbench.harness.planning.catalog import discover


@click.command()
@click.argument("dataset", shell_complete=completes("dataset"))
@plugin_option
@data_dir_option
def fetch(dataset: str, plugins: tuple[Path, ...], data_dir: Path | None) -> None:
    """Download a dataset from PhysioNet and verify it; goes on after an interruption."""
    with telling(Console()) as tell:
        folder = fetch_dataset(dataset, discover(plugins), data_dir, tell)
    click.echo(f"{dataset} is here, complete and verified: {folder}")


@click.command()
@click.argument("dataset", shell_complete=completes("dataset"))
@click.option("--seed", type=SEED, default=0, show_default=True, help="Which split.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder."
)
@format_option
@study_options
@plugin_option
@data_dir_option
def split(
    dataset: str,
    seed: int,
    out: Path,
    form: str,
    study: str,
    assignments: tuple[str, ...],
    windows: int | None,
    plugins: tuple[Path, ...],
    data_dir: Path | None,
) -> None:
    """Write the training windows for a model made elsewhere, and the labels to draw.

    OUT/train.FORMAT holds signals in mV, labels, patients, and records and positions if the dataset has
    them; OUT/draw has the labels to draw, one window each, in this order.  The note ``split`` says which
    split this is.  ``ecgbench score`` takes the windows back, in any of the formats.
    """
    from ecgbench.harness.api.splits import write_split  # noqa: PLC0415 - fetching needs no numpy

    with telling(Console(stderr=True)) as tell:
        written = write_split(
            out,
            dataset,
            seed,
            form=form,
            tell=tell,
            study=study,
            settings=parse_assignments(assignments),
            windows=windows,
            plugins=plugins,
            data_dir=data_dir,
        )
    train = written.splits.train
    file = "FOLDER" if form == "wfdb" else f"FILE.{form}"
    command = ["ecgbench", "score", file, "--dataset", dataset, "--seed", str(seed)]
    command += ["--name", "MYMODEL"]
    command += [] if study == "quick" else ["--study", study]
    command += [part for assignment in assignments for part in ("--set", assignment)]
    command += [] if windows is None else ["--windows", str(windows)]
    command += [part for plugin in plugins for part in ("--plugin", str(plugin))]
    if click.get_current_context().get_parameter_source("data_dir") is ParameterSource.COMMANDLINE:
        command += ["--data-dir", str(data_dir)]
    how = f"Save the windows of the model as {written.train.name} is, with {written.note} beside them, then"
    if written.note is None:
        how = (
            "Save the windows of the model with numpy.savez as signals and labels, with split from "
            f"{written.draw.name} beside them, then"
        )
    click.echo(
        f"{written.train}: {len(train)} windows of {train.signals.shape[1]} lead(s) × "
        f"{train.length} samples at {train.sampling_rate:g} Hz, mV\n"
        f"{written.draw}: {len(written.splits.fresh)} labels to draw\n"
        f"{how}\n{shlex.join(command)}"
    )
