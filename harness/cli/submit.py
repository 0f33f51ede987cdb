"""``ecgbench score``: windows from elsewhere, as a row of the board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from ecgbench.contracts.config import parse_assignments
from ecgbench.harness.api.score import planned_score
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    SEED,
    completes,
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


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dataset", help="Dataset of the model's training windows, if FILE does not say it.")
@click.option("--name", required=True, metavar="MYMODEL", help="The row's name.")
@click.option(
    "--seed",
    type=SEED,
    help="Seed of the split with the model's training windows, if FILE does not say it.",
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
    assignments: tuple[str, ...],
    no_references: bool,
    json_events: bool,
    store_path: Path,
    **options: Any,
) -> int:
    """Score windows made elsewhere: FILE.npz with signals (window, lead, sample) in mV, and labels.

    ``ecgbench split`` writes the windows for training and the labels to draw. Its array ``split`` in
    FILE says which split and which study that was; without it, give --dataset and --seed.

    The exit code is 1 if a cell or a score failed.
    """
    console = Console(stderr=json_events)
    source = click.get_current_context().get_parameter_source("study")
    if source is ParameterSource.DEFAULT:
        options["study"] = None  # the study of the split
    with (
        telling(console) as tell,
        planned_score(
            Submission.read(file),
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
