"""``ecgbench run``: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ecgbench.contracts.config import parse_assignments
from ecgbench.harness.api.datasets import AbsentError
from ecgbench.harness.api.run import planned_run
from ecgbench.harness.cli.completion import completes
from ecgbench.harness.cli.datasets import telling
from ecgbench.harness.cli.options import (
    data_dir_option,
    json_option,
    machine_of,
    machine_options,
    names,
    plugin_option,
    seeds,
    store_option,
    study_options,
)
from ecgbench.harness.cli.plan import show_plan
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.report import report

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--generators",
    type=names,
    metavar="A,B",
    shell_complete=completes("generator"),
    help="Default: the study's.",
)
@click.option(
    "--datasets",
    type=names,
    metavar="A,B",
    shell_complete=completes("dataset"),
    help="Default: those on this machine.",
)
@click.option(
    "--metrics", type=names, metavar="A,B", shell_complete=completes("metric"), help="Default: all."
)
@click.option("--seeds", type=seeds, metavar="0,1|0-5", help="Default: the study's.")
@study_options
@click.option("--no-references", is_flag=True, help="Leave the reference rows out.")
@click.option("--retry-failed", is_flag=True, help="Run failed cells and scores again.")
@click.option(
    "--fresh", is_flag=True, help="Run again the results of other code of the same version."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--verify", is_flag=True, help="First read every stored file against its digest.")
@click.option("--keep-models", is_flag=True, help="Keep fitted models, for ecgbench sample.")
@json_option
@machine_options
@plugin_option
@data_dir_option
@store_option
def run(
    assignments: tuple[str, ...],
    no_references: bool,
    dry_run: bool,
    keep_models: bool,
    json_events: bool,
    store_path: Path,
    **options: Any,
) -> int:
    """Fit each generator on each dataset, score it with each metric, and print the board.

    Finished cells are not done again: start the same command after any interruption. The exit code is 1
    if a cell or a score failed.
    """
    # with --json standard output is for events alone
    console = Console(stderr=json_events)
    try:
        with (
            telling(console) as tell,
            planned_run(
                tell=tell,
                settings=parse_assignments(assignments),
                references=not no_references,
                dry_run=dry_run,
                machine=machine_of(options) | {"keep_models": keep_models},
                store=store_path,
                **options,
            ) as job,
        ):
            show_plan(job, console)
            if dry_run:
                return 0
            with watch(console, len(job.plan.todo), as_json=json_events) as watching:
                outcome = job.work(watching)
    except AbsentError as error:  # of a dry run
        console.print(str(error))
        return 0
    return report(outcome, console)
