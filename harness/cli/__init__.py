"""The command ``ecgbench``."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ecgbench.contracts.errors import EcgbenchError, UsageError, suggest
from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.help import epilog
from ecgbench.harness.isolation.streams import (
    UnwritableError,
    leave,
    open_closed,
    tame,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "run": ("ecgbench.harness.cli.run:run", "Fit, sample and score; then print the board."),
    "leaderboard": ("ecgbench.harness.cli.leaderboard:leaderboard", "Print the stored boards."),
    "report": ("ecgbench.harness.cli.site:site", "Write a site of the boards, with charts."),
    "compare": (
        "ecgbench.harness.cli.compare:compare",
        "Compare two rows, metric by metric.",
    ),
    "plot": ("ecgbench.harness.cli.plot:plot", "Draw a picture of a store for a paper."),
    "tune": ("ecgbench.harness.cli.tune:tune", "Search for a generator's settings."),
    "audit": ("ecgbench.harness.cli.audit:audit", "Show known faults to each metric."),
    "status": ("ecgbench.harness.cli.status:status", "Tell how far runs are, from anywhere."),
    "list": ("ecgbench.harness.cli.plugins:list_plugins", "List generators, datasets, metrics."),
    "show": ("ecgbench.harness.cli.plugins:show", "Show a plugin's card, or a stored cell."),
    "new": ("ecgbench.harness.cli.new:new", "Write a plugin to start from."),
    "check": ("ecgbench.harness.cli.check:check", "Check whether a plugin keeps the contract."),
    "dataset": ("ecgbench.harness.cli.dataset:dataset", "Read a dataset and tell what it holds."),
    "fetch": ("ecgbench.harness.cli.data:fetch", "Download a dataset from PhysioNet."),
    "explore": ("ecgbench.harness.cli.explore:explore", "Tell what a dataset is made of."),
    "split": ("ecgbench.harness.cli.data:split", "Write the training windows of a split."),
    "score": ("ecgbench.harness.cli.submit:score", "Score windows made elsewhere."),
    "sample": ("ecgbench.harness.cli.sample:sample", "Write windows of a cell, in any format."),
    "reproduce": ("ecgbench.harness.cli.reproduce:reproduce", "Run a stored cell again; compare."),
    "export": ("ecgbench.harness.cli.exchange:export", "Make one file of cells, for others."),
    "merge": ("ecgbench.harness.cli.exchange:merge", "Take in the exports of others."),
    "forget": ("ecgbench.harness.cli.forget:forget", "Remove cells, a row or a board for good."),
    "doctor": ("ecgbench.harness.cli.doctor:doctor", "Tell versions, devices, data and problems."),
}


class _Commands(click.Group):
    """Imports a command's module when the command is used: ``list`` needs no numpy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if not incomplete.startswith("-"):
            told = ((name, summary) for name, (_, summary) in COMMANDS.items())
            return [CompletionItem(n, help=s) for n, s in told if n.startswith(incomplete)]
        return super().shell_complete(ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            raise UsageError(f"no command is called {cmd_name!r}; {suggest(cmd_name, COMMANDS)}")
        if cmd_name != "doctor":
            _refuse_clash()
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise EcgbenchError(incomplete_installation(error)) from error
        command.epilog = epilog(cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def other_distribution() -> str | None:
    """The version of the unrelated distribution ``ecgbench``, if it is installed here too."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - help does without these 20 ms

    try:
        return version("ecgbench")
    except PackageNotFoundError:
        return None


def incomplete_installation(error: ModuleNotFoundError) -> str:
    """Return what to do about a module that this installation lacks."""
    return (
        f"this installation is older than its code, or incomplete: there is no module {error.name}; "
        "install again as before (pip install -e . after an update of an editable one)"
    )


def _refuse_clash() -> None:
    if other := other_distribution():
        raise EcgbenchError(
            f"the unrelated distribution ecgbench {other} is installed in this environment and "
            "overwrites this package's files: pip uninstall ecgbench, then pip install "
            "--force-reinstall synthetic-ecgbench"
        )


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="synthetic-ecgbench", prog_name="ecgbench")
def cli() -> None:
    """The benchmark harness for synthetic ECG.

    Any generator, any dataset, any metric, one honest protocol.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code, one of `ecgbench.harness.cli.help.EXITS`."""
    open_closed()
    tame()
    try:
        code = cli.main(arguments, prog_name="ecgbench", standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return 2
    except EcgbenchError as error:
        return _tell(str(error), 2)
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes every end of a file for Ctrl-D
            raise error.__cause__ from None
        return _tell(
            "interrupted; finished work is kept, and the same command continues", 130, before="\n"
        )
    except UnwritableError as error:
        return _tell(f"{error}; finished work is kept", 2)
    except BrokenPipeError:
        # whoever read the output has gone; python must not try to flush it at exit
        leave(sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _tell(text: str, code: int, before: str = "") -> int:
    """Print a message; return the exit code."""
    lines = "\n".join(map(plain, text.splitlines()))
    with suppress(OSError):
        click.echo(f"{before}ecgbench: {lines}", err=True)
    return code
