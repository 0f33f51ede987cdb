"""Options of several commands, and their types."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecgbench.contracts.windows import MAX_SEED
from ecgbench.harness.api.places import DEFAULT_STORE
from ecgbench.harness.cli.completion import settings, studies

if TYPE_CHECKING:
    from collections.abc import Callable


MOST_SEEDS = 10_000
"""In one range."""

SEED = click.IntRange(min=0, max=MAX_SEED)
"""The type of one seed."""


def names(text: str) -> tuple[str, ...]:
    """The type of a comma list of names."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise click.BadParameter("it names nothing")
    return found


def seeds(text: str) -> tuple[int, ...]:
    """The type of a comma list of seeds and ranges of seeds."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part.strip())
        if not match:
            raise click.BadParameter(f"{part!r} is no seed; for example 0,1 or 0-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last > MAX_SEED or last - first > MOST_SEEDS:
            raise click.BadParameter(
                f"{part!r} is too many or too large; seeds go to {MAX_SEED}, {MOST_SEEDS} at a time"
            )
        found += range(first, last + 1)
    if not found:
        raise click.BadParameter(f"{text!r} is an empty range; for example 0-5")
    return tuple(dict.fromkeys(found))


WINDOWS = ("npz", "npy", "csv", "parquet", "wfdb")
"""The formats of windows; `ecgbench.harness.formats.table` has their files, and needs numpy."""


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--format``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(WINDOWS),
        default="npz",
        show_default=True,
        help="Of the windows' files; wfdb is a folder of records, one a window.",
    )(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store``."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="ECGBENCH_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        show_envvar=True,
        help="Folder of finished cells.",
    )(command)


def data_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--data-dir``."""
    return click.option(
        "--data-dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="ECGBENCH_DATA_DIR",
        show_envvar=True,
        help="Folder with datasets in PhysioNet's layout; else the user's cache.",
    )(command)


def plugin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--plugin``."""
    return click.option(
        "--plugin",
        "plugins",
        type=click.Path(path_type=Path),
        multiple=True,
        help="A Python file with plugins, or a dataset file (*.toml); may be repeated.",
    )(command)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--study``, ``--set`` and ``--windows``."""
    for option in (
        click.option(
            "--windows",
            type=click.IntRange(min=20),
            help="Use a fixed subsample of so many windows of each dataset.",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KIND.NAME.SETTING=VALUE",
            shell_complete=settings,
            help="A plugin's setting, e.g. generator.timegan.hidden=32; may be repeated.",
        ),
        click.option(
            "--study",
            "study",
            shell_complete=studies,
            default="quick",
            show_default=True,
            help="smoke, quick, standard, tuned, published, or a TOML file.",
        ),
    ):
        command = option(command)
    return command


def seconds(text: str) -> float:
    """The type of a duration: seconds, or a number with s, m, h or d."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if not match or not float(match[1]):
        raise click.BadParameter(f"{text!r} is no duration; for example 90, 15m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def size(text: str) -> int:
    """The type of an amount of memory: bytes, or a number with K, M, G or T (powers of 1024)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if not match or not float(match[1]):
        raise click.BadParameter(f"{text!r} is no amount of memory; for example 800M or 4G")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


MACHINE = ("device", "threads", "jobs", "timeout", "memory", "scheduler", "results")


def machine_of(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of `machine_options` out of a command's options, and return them."""
    return {name: options.pop(name) for name in MACHINE}


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``."""
    return click.option(
        "--json",
        "json_events",
        is_flag=True,
        help="Print events as one JSON object a line on standard output, the rest on stderr.",
    )(command)


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--device``, ``--threads``, ``--jobs``, ``--timeout``, ``--memory`` and the scheduler's."""
    for option in (
        click.option(
            "--results",
            type=click.Choice(["store", "wire"]),
            default="wire",
            show_default=True,
            help="With --scheduler: workers write into the shared store, or send results.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run the cells on this Dask cluster, e.g. tcp://10.0.0.1:8786.",
        ),
        click.option(
            "--memory",
            "memory",
            type=size,
            metavar="SIZE",
            help="A cell fails if it uses more, e.g. 4G; default: nine tenths of the machine's, "
            "divided by the jobs.",
        ),
        click.option(
            "--timeout",
            type=seconds,
            metavar="TIME",
            help="Fitting, sampling and each score may take so long, e.g. 90, 15m, 2h; default: "
            "any time.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            help="Cells at a time on this machine; default: 1, in a smoke study up to 4.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            help="Threads for a plugin; default: the processors, divided by the jobs.",
        ),
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            show_default=True,
            help="Where plugins compute.",
        ),
    ):
        command = option(command)
    return command
