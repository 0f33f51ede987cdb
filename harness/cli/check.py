"""``ecgbench check``: whether a plugin keeps the contract."""

from __future__ import annotations

import unittest
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from ecgbench.contracts.config import build, parse_overrides
from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.contracts.plain import plain
from ecgbench.harness.cell.trouble import say
from ecgbench.harness.cli.completion import plugins_and_files, settings
from ecgbench.harness.cli.options import data_dir_option, names, plugin_option
from ecgbench.harness.planning.catalog import KINDS, Catalog, Entry, discover
from ecgbench.testing.kit import checks_of
from ecgbench.testing.rules import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecgbench.testing.rules import Check

STYLES = {"ok": "green", "failed": "red", "skipped": "dim"}


@click.command()
@click.argument("what", metavar="NAME|FILE", shell_complete=plugins_and_files)
@click.option("--checks", "wanted", type=names, metavar="A,B", help="These checks; default: all.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KIND.NAME.SETTING=VALUE",
    shell_complete=settings,
    help="A setting in place of the smoke setting, e.g. dataset.my-ecg.folder=clinic; may be repeated.",
)
@plugin_option
@data_dir_option
def check(
    what: str,
    wanted: tuple[str, ...] | None,
    assignments: tuple[str, ...],
    plugins: tuple[Path, ...],
    data_dir: Path | None,
) -> int:
    """Check whether a plugin keeps the contract: NAME of an installed one, or FILE with plugins.

    Each rule of the contract is one check. Generators and metrics are tried with their smoke settings
    on simulated people. The exit code is 1 if a check fails.
    """
    console = Console()
    entries, problems = _entries(what, plugins)
    settings = parse_overrides(assignments)
    ended: Counter[str] = Counter()
    for problem in problems:
        console.print(Text(f"problem: {plain(problem)}", style="red"), soft_wrap=True)
    for entry in entries:
        console.print(
            Text(f"{entry.spec.kind} {entry.spec.name} ({plain(str(entry.origin))})", style="bold")
        )
        origin = entry.origin
        module = origin.plugin.removeprefix("file:") if origin.is_file else origin.module
        own = settings.get(entry.spec.kind, {}).get(entry.spec.name, {})
        build(entry.spec.config, own, where=f"{entry.spec.kind} {entry.spec.name}")
        checks = checks_of(Plugin(entry.spec, module, data_dir, own))
        ended.update(_outcomes(_chosen(checks, wanted), console))
    told = ", ".join(f"{ended[state]} {state}" for state in STYLES if ended[state])
    console.print(Text(f"{ended.total()} checks: {told}"))
    return 1 if ended["failed"] or problems else 0


def _entries(what: str, plugins: Iterable[Path]) -> tuple[list[Entry], list[str]]:
    """Return the plugins of a name or in a file, and the problems of the file.

    Raises:
        UsageError: there are none.
    """
    if Path(what).suffix == ".py" or Path(what).is_file():
        catalog = discover([*plugins, what])
        plugin = f"file:{Path(what).resolve()}"
        problems = [problem for problem in catalog.problems if f"({plugin})" in problem]
        found = [entry for entry in _all(catalog) if entry.origin.plugin == plugin]
        if not found and not problems:
            raise UsageError(f"{what} offers no plugin")
        return found, problems
    catalog = discover(plugins)
    found = [entry for entry in _all(catalog) if entry.spec.name == what]
    if not found:
        known = {entry.spec.name for entry in _all(catalog)}
        raise UsageError(f"no plugin is called {what!r}; {suggest(what, known)}")
    return found, []


def _all(catalog: Catalog) -> list[Entry]:
    return [entry for kind in KINDS for entry in catalog.of_kind(kind)]


def _chosen(checks: list[Check], wanted: tuple[str, ...] | None) -> list[Check]:
    if wanted is None:
        return checks
    known = [each.name for each in checks]
    for name in wanted:
        if name not in known:
            raise UsageError(f"no check is called {name!r}; {suggest(name, known)}")
    return [each for each in checks if each.name in wanted]


def _outcomes(checks: list[Check], console: Console) -> Iterable[str]:
    """Call each check and print how it ended; yield the state."""
    width = max(len(each.name) for each in checks)
    for each in checks:
        state, why = "ok", ""
        try:
            each()
        except unittest.SkipTest as skip:
            state, why = "skipped", str(skip)
        except Exception as error:  # noqa: BLE001 - any plugin, any error
            state, why = "failed", str(error) if isinstance(error, AssertionError) else say(error)
        line = Text(f"  {state:<7}  ", style=STYLES[state]).append(each.name, style="default")
        if why:
            line.append(" " * (width - len(each.name)) + f"  {plain(why)}", style="default")
        console.print(line, soft_wrap=True)
        yield state
