"""Exports and merges of small stores, for the tests of both commands."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

RUN = ("--datasets", "cohort", "--seeds", "0", "--no-references")
BOTH = ("--generators", "jitter,chosen", "--metrics", "level,spread,never")


def export(command: Command, store: str, *flags: str, plugins: str = "") -> list[str]:
    """Export, and return the names of what is in the archive."""
    plugin = ("--plugin", f"{plugins or store}.py")
    code = command("export", "--store", store, "--out", "a.zip", *plugin, *flags)
    assert code == 0, command.err
    with zipfile.ZipFile("a.zip") as archive:
        return archive.namelist()


def named(store: str, generator: str = "jitter") -> str:
    (name,) = (n for n in Store(Path(store)).cell_names() if f"/{generator}/" in n)
    return name


def merged(command: Command, *flags: str) -> int:
    return command("merge", "a.zip", "--store", "ours", *flags)


def rows(out: str) -> dict[str, str]:
    found = (line.split(maxsplit=1) for line in out.splitlines())
    return {
        f[0]: " ".join(f[1].split()) for f in found if f and f[0] in ("cells", "scores", "plans")
    }


def planned(command: Command, store: str) -> str:
    """Plan the run of `there` on a store; return the states of its cells."""
    assert command("run", *RUN, *BOTH, "--store", store, "--plugin", "free.py", "--dry-run") == 0
    states: str
    (states,) = re.findall(r"(\d+ \w+); \d+ scores to compute", command.out)
    return states


def forge(store: str, value: float) -> None:
    """Give the score of the spread another value."""
    found = Store(Path(store))
    (score,) = (s for s in found.scores(named(store)) if s.metric.name == "spread")
    found.write_score(msgspec.structs.replace(score, value=value))
