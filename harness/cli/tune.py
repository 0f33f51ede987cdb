"""``ecgbench tune``: search for a generator's settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.places import relative
from ecgbench.harness.api.tune import OBJECTIVE
from ecgbench.harness.api.tune import tune as search
from ecgbench.harness.cli.completion import completes, studies
from ecgbench.harness.cli.options import (
    data_dir_option,
    machine_of,
    machine_options,
    names,
    plugin_option,
)
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from ecgbench.harness.api.tune import Trial


@click.command()
@click.argument("generator", metavar="GENERATOR", shell_complete=completes("generator"))
@click.option(
    "--dataset",
    shell_complete=completes("dataset"),
    default="mitdb",
    show_default=True,
    help="Of which people.",
)
@click.option(
    "--study",
    shell_complete=studies,
    default="standard",
    show_default=True,
    help="For which board.",
)
@click.option(
    "--trials", type=click.IntRange(min=2), default=20, show_default=True, help="How many."
)
@click.option(
    "--objective",
    type=names,
    shell_complete=completes("metric"),
    default=",".join(OBJECTIVE),
    show_default=True,
    metavar="A,B",
    help="Metrics of the objective.",
)
@click.option(
    "--split",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed whose training windows are used.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the search.")
@click.option("--windows", type=click.IntRange(min=20), help="Use a fixed subsample.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=str), help="Default: GENERATOR-tuned.toml."
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=str),
    default="ecgbench-tuning",
    show_default=True,
    help="Folder of the finished fits.",
)
@machine_options
@plugin_option
@data_dir_option
def tune(generator: str, out: str | None, **options: Any) -> int:
    """Search for settings of GENERATOR, and write a study with its default and its tuned row.

    Only training windows are used: their people are divided again, and each trial is judged by people
    that it did not see. Finished fits are kept: start the same command after any interruption.
    """
    console = Console()
    machine = machine_of(options)

    def tell(trial: Trial) -> None:
        value = "failed" if trial.value is None else f"{trial.value:.3f}"
        settings = ", ".join(f"{k}={v}" for k, v in trial.settings.items()) or "the study's own"
        console.print(Text(plain(f"{value}  {settings}")), soft_wrap=True)

    tuned = search(generator, on_trial=tell, **options, **machine)
    file = Path(out or f"{generator}-tuned.toml")
    write(file, tuned.study.encode())
    settings = ", ".join(f"{k}={v}" for k, v in tuned.best.settings.items())
    console.print(
        Text(f"best: {tuned.best.value:.3f}  {plain(settings) or 'the default settings'}", "bold"),
        soft_wrap=True,
    )
    console.print(
        Text(f"written: {relative(file)}; ecgbench run --study {relative(file)} makes the board"),
        soft_wrap=True,
    )
    return 0
