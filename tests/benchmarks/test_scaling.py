"""How the harness grows with a plan: planning, scheduling, watching and boards at up to 100,000 cells.

Run with ``python -m pytest tests/benchmarks/test_scaling.py --benchmark-enable -s``; without it a
thousand cells run once, as a test.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.cell.messages import ScoreEnded
from ecgbench.harness.engine.pool import TaskEnd
from ecgbench.harness.engine.run import Machine, work_through
from ecgbench.harness.planning.plan import plan_of
from ecgbench.harness.planning.study import Study
from ecgbench.results.board.board import boards
from ecgbench.results.board.catalogue import Catalogue, Facts
from ecgbench.results.store.records import (
    CellRecord,
    ContributionsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    ScoreRecord,
)
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.cell.task import Task
    from ecgbench.harness.engine.pool import Message

GENERATORS, PEOPLE = 20, 12
PLAIN: dict[str, Any] = {"version": 1, "settings": {}, "origin": "benchmark 1"}


class Instant:
    """A pool whose tasks are done as soon as they are begun: what remains is the harness."""

    slots = 8

    def __init__(self) -> None:
        self.sent: deque[Message] = deque()

    def start(self, task: Task) -> None:
        store, name = Store(task.store), task.cell.name
        store.write_cell(CellRecord(cell=task.cell, status="ok"))
        for metric in task.metrics:
            value = float(task.cell.seed % 7 + len(task.cell.generator.name))
            contributions = ContributionsRecord(
                people=list(range(PEOPLE)),
                numerators=[[value + person % 3 - 1] for person in range(PEOPLE)],
                denominators=[[1.0]] * PEOPLE,
                coefficients=[1.0],
                offset=0.0,
            )
            store.write_score(
                ScoreRecord(
                    metric=metric,
                    cell=name,
                    status="ok",
                    value=value,
                    contributions=contributions,
                    n=100,
                )
            )
            self.sent.append((name, ScoreEnded(metric.name, "ok", "", value)))
        self.sent.append((name, TaskEnd(None)))

    def stop(self, cell: str) -> None:
        raise AssertionError

    def messages(self, seconds: float) -> list[Message]:
        found = list(self.sent)
        self.sent.clear()
        return found

    def end(self) -> None:
        pass


class Silent:
    """Watches nothing."""

    def cell_started(self, cell: Any) -> None: ...
    def message(self, cell: Any, message: Any) -> None: ...
    def cell_ended(self, cell: Any, failure: Any) -> None: ...
    def waiting(self, cells: Any) -> None: ...


class Source:
    """As much of a dataset as the engine looks at."""

    def __init__(self, name: str) -> None:
        self.spec = type("Spec", (), {"name": name})


def simulate(folder: Path, cells: int) -> dict[str, float]:
    """Seconds of each phase for a plan of so many cells, with two metrics each."""
    from ecgbench.harness.planning.plan import cell_id

    study = Study(name="simulated")
    datasets = [DatasetRecord(name="cohort", digest="0" * 64, **PLAIN)]
    generators = [GeneratorRecord(name=f"generator-{i}", **PLAIN) for i in range(GENERATORS)]
    metrics = [
        MetricRecord(
            name=name,
            family="fidelity",
            better="lower",
            bounds=(None, None),
            ideal=0,
            ranked=True,
            **PLAIN,
        )
        for name in ("one", "two")
    ]
    store, took = Store(folder), {}
    known = Catalogue(
        {
            (m.name, m.version): Facts(**{n: getattr(m, n) for n in Facts.__struct_fields__})
            for m in metrics
        }
    )

    def timed(phase: str, what: Any) -> Any:
        began = time.perf_counter()
        found = what()
        took[phase] = time.perf_counter() - began
        return found

    def planned() -> Any:
        ids = [
            cell_id(datasets[0], generator, seed)
            for seed in range(cells // GENERATORS)
            for generator in generators
        ]
        return plan_of(study, datasets, generators, metrics, ids, store)

    plan = timed("plan", planned)
    assert len(plan.todo) == cells
    sources: Any = [Source("cohort")]
    timed(
        "schedule",
        lambda: work_through(plan, store, study, sources, Machine(), Silent(), Instant()),
    )
    again = timed("plan again", planned)
    assert not again.todo
    (board,) = timed("board", lambda: boards(store, known))
    assert len(board.rows) == GENERATORS
    assert len(board.seeds) == cells // GENERATORS
    assert all(score.status == "ok" for row in board.rows for score in row.scores.values())
    return took


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured is the harness and not the disk; and no windows stand behind the cells."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("ecgbench.harness.data.cache.folder", lambda _: None)


@pytest.mark.slow
def test_a_plan_grows_linearly(tmp_path: Path, benchmark: Any) -> None:
    sizes = (1_000, 10_000, 100_000) if benchmark.enabled else (1_000,)
    found = {}

    def measure() -> None:
        found.update({cells: simulate(tmp_path / str(cells), cells) for cells in sizes})

    benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info["µs a cell"] = {
        phase: {str(cells): round(1e6 * took[phase] / cells) for cells, took in found.items()}
        for phase in found[sizes[0]]
    }
