"""Options that several commands share, and their types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


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
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise click.BadParameter(f"{part!r} is no seed; for example 0,1 or 0-5")
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise click.BadParameter(f"{text!r} is an empty range; for example 0-5")
    return tuple(dict.fromkeys(found))


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store``."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="ECGBENCH_STORE",
        default=Path("ecgbench-results"),
        show_default=True,
        show_envvar=True,
        help="Folder in which finished cells stand.",
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
        help="A Python file with plugins, not installed; may be repeated.",
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
            help="A plugin's setting, e.g. generator.timegan.hidden=32; may be repeated.",
        ),
        click.option(
            "--study",
            "study_name",
            default="quick",
            show_default=True,
            help="smoke, quick, standard, or a TOML file.",
        ),
    ):
        command = option(command)
    return command


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--device`` and ``--threads``."""
    for option in (
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            help="Threads for a plugin; default: all processors.",
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
