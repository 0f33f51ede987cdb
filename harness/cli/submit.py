"""``ecgbench score``: windows from elsewhere, as a row of the board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from ecgbench.contracts.config import parse_assignments
from ecgbench.harness.api.score import planned_score, said
from ecgbench.harness.cli.completion import completes
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    SEED,
    data_dir_option,
    json_option,
    machine_of,
    machine_options,
    names,
    plugin_option,
    store_option,
    study_options,
)
from ecgbench.harness.cli.plan import show_plan
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.report import report
from ecgbench.harness.engine.submission import Submission


def labelled(text: str) -> dict[int | str, str]:
    """The type of ``--classes``: names in the order of the labels, or pairs of a label and a name."""
    parts = names(text)
    pairs = [part.partition("=") for part in parts]
    if not any(sign for _, sign, _ in pairs):
        return dict(enumerate(parts))
    found: dict[int | str, str] = {key.strip(): name.strip() for key, _, name in pairs}
    if not all(key and name for key, name in found.items()) or len(found) < len(parts):
        raise click.BadParameter(f"{text!r} gives no names; for example 0=N,1=S,2=V or N,S,V")
    return found


@click.command()
@click.argument("file", metavar="FILE_OR_FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option("--dataset", help="Dataset of the model's training windows, if FILE does not say it.")
@click.option("--name", required=True, metavar="MYMODEL", help="The row's name.")
@click.option(
    "--seed",
    type=SEED,
    help="Seed of the split with the model's training windows, if FILE does not say it.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The labels, if they are in another file: npy, csv, or text with one a line.",
)
@click.option(
    "--classes",
    type=labelled,
    metavar="0=N,1=S",
    help="Names of the classes by label, or N,S,… in the order of the labels.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Rate of the windows, if FILE does not say it.",
)
@click.option("--resample", is_flag=True, help="Resample the windows to the dataset's rate.")
@click.option(
    "--unit", type=click.Choice(["mV", "uV", "V"]), help="Of the samples, if FILE does not say it."
)
@click.option("--lead", type=names, metavar="A,B", help="Names of FILE's leads, in order.")
@click.option(
    "--axes",
    type=names,
    metavar="window,sample,lead",
    help="Axes of the signals, if they are not window,lead,sample.",
)
@click.option(
    "--metrics", type=names, metavar="A,B", shell_complete=completes("metric"), help="Default: all."
)
@study_options
@click.option("--no-references", is_flag=True, help="Leave the reference rows out.")
@json_option
@machine_options
@plugin_option
@data_dir_option
@store_option
def score(
    file: Path,
    labels: Path | None,
    classes: dict[int | str, str] | None,
    rate: float | None,
    resample: bool,
    unit: str | None,
    lead: tuple[str, ...] | None,
    axes: tuple[str, ...] | None,
    assignments: tuple[str, ...],
    no_references: bool,
    json_events: bool,
    store_path: Path,
    **options: Any,
) -> int:
    """Score windows made elsewhere: npz, npy, csv, parquet, or a folder of WFDB records.

    ``ecgbench split`` writes the windows for training and the labels to draw. Its note ``split`` in
    FILE, or split.json beside it, says which split and which study that was; without it, give
    --dataset and --seed. Nothing is guessed: a rate, unit, lead or class unlike the dataset's is
    named with the option that resolves it. The exit code is 1 if a cell or a score failed.
    """
    console = Console(stderr=json_events)
    source = click.get_current_context().get_parameter_source("study")
    if source is ParameterSource.DEFAULT:
        options["study"] = None  # the study of the split
    with (
        telling(console) as tell,
        planned_score(
            Submission.read(file, said(rate, resample, unit, lead, classes, axes), labels),
            tell=tell,
            settings=parse_assignments(assignments),
            references=not no_references,
            machine=machine_of(options),
            store=store_path,
            **options,
        ) as job,
    ):
        show_plan(job, console)
        with watch(console, len(job.plan.todo), as_json=json_events) as watching:
            outcome = job.work(watching)
    return report(outcome, console)
