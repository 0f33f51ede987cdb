"""Records, a finished cell, and leases, for all tests of the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.results.store import lease
from ecgbench.results.store.lease import STALE, Leases
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
)
from ecgbench.results.store.store import Store, sha256, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


DATASET = DatasetRecord(
    name="cohort", version=1, settings={"gain": 1.0}, origin="x 1", digest="d" * 64
)
GENERATOR = PluginRecord(name="jitter", version=1, settings={"sigma": 0.1}, origin="x 1")
CELL = CellId(dataset=DATASET, generator=GENERATOR, seed=0, protocol=1)
METRIC = MetricRecord(
    name="level",
    version=1,
    settings={"scale": 1.0},
    origin="x 1",
    family="fidelity",
    better="lower",
    bounds=(0.0, None),
    ideal=0.0,
    ranked=True,
)
RECORD = CellRecord(
    cell=CELL,
    status="ok",
    synthetic="s" * 64,
    fold=1,
    sizes={"train": 10},
    costs=CostsRecord(
        fit_seconds=1.5, sample_seconds=0.1, cpu_seconds=2.5, peak_memory=10**9, parameters=7
    ),
    environment={"python": "3.11", "packages": {"torch": None}},
    study={"seeds": [0, 1]},
    threads=2,
    finished="2026-01-01T00:00:00+00:00",
    artefacts={"training.csv": "a" * 64},
)
SCORE = ScoreRecord(
    metric=METRIC,
    cell=CELL.name,
    synthetic="s" * 64,
    status="ok",
    value=0.25,
    parts={"N": 0.5},
    contributions=ContributionsRecord(
        people=[4, 9],
        numerators=[[1.0], [2.0]],
        denominators=[[2.0], [1.0]],
        coefficients=[1.0],
        offset=0.5,
    ),
    n=12,
    seconds=0.1,
    artefacts={"level-note.txt": "b" * 64},
    finished="2026-01-01T00:00:00+00:00",
)
PLAN = PlanRecord(
    protocol=1,
    study="quick",
    settings={"windows": 100},
    datasets=[DATASET],
    generators=[GeneratorRecord(name="jitter", version=1, settings={"sigma": 0.1}, origin="x 1")],
    metrics=[METRIC],
    cells=[PlannedCell(name=CELL.name, dataset=0, generator=0, seed=0)],
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def change(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


def files(folder: Path) -> list[str]:
    """Everything below a folder, hidden files too."""
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


OTHER_METRIC = change(METRIC, name="spread")


def finished(store: Store) -> Path:
    """A cell with all that a cell can have; return its folder."""
    folder = store.folder(CELL.name)
    write(folder / "synthetic.npz", b"windows")
    curve = store.write_artefact(CELL.name, "training.csv", b"a curve")
    note = store.write_artefact(CELL.name, "level-note.txt", b"a note")
    store.write_cell(
        change(RECORD, synthetic_file=sha256(b"windows"), artefacts={"training.csv": curve})
    )
    store.write_score(change(SCORE, artefacts={"level-note.txt": note}))
    store.write_score(change(SCORE, metric=OTHER_METRIC, artefacts={}))
    return folder


LEVEL = f"scores/level-{METRIC.key}.json"
SPREAD = f"scores/spread-{OTHER_METRIC.key}.json"
PARTS = (
    "cell.json",
    "synthetic.npz",
    "artefacts/training.csv",
    "artefacts/level-note.txt",
    LEVEL,
    SPREAD,
)


LEASED = "cohort/jitter/seed-0-0123456789ab"
OTHER_LEASED = "cohort/jitter/seed-1-0123456789ab"


def lease_files(store: Path) -> list[Path]:
    """All leases of a store, and whatever else stands beside them."""
    return sorted((store / "leases").iterdir())


def only(store: Path) -> Path:
    (file,) = lease_files(store)
    return file


def grow_old(file: Path, seconds: float = 100 * STALE) -> None:
    """Make the last touch so many seconds older, by the file system's clock."""
    touched = file.stat().st_mtime - seconds
    os.utime(file, (touched, touched))


def edit(file: Path, **fields: Any) -> None:
    """Change who a lease says has it; the touch stays."""
    touched = file.stat().st_mtime
    file.write_text(json.dumps(json.loads(file.read_bytes()) | fields))
    os.utime(file, (touched, touched))


def leave(store: Path, cell: str = LEASED) -> Path:
    """A lease whose owner was a process of this machine that has ended."""
    assert Leases(store).take(cell) is not None
    file = only(store)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    edit(file, pid=gone.pid)
    return file


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def wait_for_touch(file: Path) -> None:
    grow_old(file)
    old = file.stat().st_mtime
    wait_for(lambda: file.stat().st_mtime > old + STALE)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, this is another machine."""
    return lambda: monkeypatch.setattr(lease, "machine", lambda: "another")


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no hard links."""

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
