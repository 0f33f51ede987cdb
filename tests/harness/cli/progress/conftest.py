"""Cells that a run tells of, a clock, and consoles."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.progress.lines import Plain
from ecgbench.harness.planning.plan import Cell
from ecgbench.results.store.records import CellId, DatasetRecord, MetricRecord, PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.engine.run import Watch
    from ecgbench.results.store.states import State


EVIL = "it is \x1b[2J[bold]over[/bold]\r\nfor good"


METRICS = tuple(
    MetricRecord(
        name=name,
        version=1,
        settings={},
        origin="tests",
        family="fidelity",
        better="lower",
        bounds=(None, None),
        ideal=None,
        ranked=True,
    )
    for name in ("peak", "never")
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for name in ("events", "lines", "live", "tally"):
        monkeypatch.setattr(f"ecgbench.harness.cli.progress.{name}.monotonic", found)
    return found


def cell(
    seed: int = 0, state: State = "todo", *, generator: str = "jitter", reason: str = ""
) -> Cell:
    common: dict[str, Any] = {"version": 1, "settings": {}, "origin": "tests"}
    name = CellId(
        dataset=DatasetRecord(name="tiny", digest="0", **common),
        generator=PluginRecord(name=generator, **common),
        seed=seed,
        protocol=1,
    )
    return Cell(name, state, METRICS if state == "todo" else (), reason)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture
def piped() -> Console:
    return Console(file=io.StringIO(), width=60)


@pytest.fixture
def plain(piped: Console, clock: Clock) -> Iterator[Watch]:
    with watch(piped, 3, as_json=False) as watching:
        assert isinstance(watching, Plain)
        yield watching
