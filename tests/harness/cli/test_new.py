"""The command ``ecgbench new``, and what it prints, followed word by word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from ecgbench.harness.cli import COMMANDS, cli
from ecgbench.harness.planning.catalog import KINDS
from tests.shell import Shell

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def following(printed: str) -> list[str]:
    """Return the commands below ``Next:``."""
    _, _, commands = printed.partition("\nNext:\n")
    return [line.strip() for line in commands.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flags", [(), ("--file",)])
def test_what_it_prints_last_are_commands(
    ecgbench: Command, kind: str, flags: tuple[str, ...]
) -> None:
    assert ecgbench("new", kind, "mine", *flags) == 0
    commands = following(ecgbench.out)
    assert len(commands) == (5 if not flags else 4 if kind == "dataset" else 3)
    for line in commands:
        program, *words = shlex.split(line)
        if program == "ecgbench" and words[0] in COMMANDS:
            name, found, rest = cli.resolve_command(click.Context(cli), words)
            assert found is not None
            found.make_context(name, rest)
    told = re.findall(r"^  ([\w./]+)$", ecgbench.out, re.MULTILINE)
    assert all((Path("ecgbench-mine") / file).is_file() for file in told)
    assert bool(told) == (not flags)


def test_a_name_in_use_is_refused(ecgbench: Command) -> None:
    assert ecgbench("new", "generator", "timegan") == 2
    assert "generator 'timegan' comes with synthetic-ecgbench" in ecgbench.err
    assert not Path("ecgbench-timegan").exists()


def test_a_wrong_name_is_refused(ecgbench: Command) -> None:
    assert ecgbench("new", "generator", "My_Model") == 2
    assert "lower-case letters, digits and hyphens" in ecgbench.err


def test_a_second_time_nothing_is_overwritten(ecgbench: Command) -> None:
    assert ecgbench("new", "metric", "mine") == 0
    page = Path("ecgbench-mine/README.md")
    page.write_text("mine")
    assert ecgbench("new", "metric", "mine") == 2
    assert "ecgbench-mine is there already" in ecgbench.err
    assert page.read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_distribution_installs_passes_its_tests_and_makes_a_board(
    kind: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    shell(f"ecgbench new {kind} mine --out whole")
    for line in following(shell.printed):
        shell(f"{line} --windows 400 --seeds 0" if line.startswith("ecgbench run") else line)
    assert re.search(r"\bmine\b", shell.printed.partition("study smoke")[2])
    assert re.search(r"^ *mine .*\[ecgbench-mine 0\.1\.0\]", shell("ecgbench list"), re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_one_new_file_makes_a_board(kind: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell(f"ecgbench new {kind} mine --file")
    for line in following(shell.printed):
        shell(f"{line} --windows 400 --seeds 0" if line.startswith("ecgbench run") else line)
    assert re.search(r"\bmine\b", shell.printed.partition("study smoke")[2])
