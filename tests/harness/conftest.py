"""A bench to try the harness's parts on, with small plugins from ``tests/plugins``."""

from __future__ import annotations

import csv
import importlib
import io
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import EcgbenchError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness.cell.task import Task
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.sources import locate
from ecgbench.harness.data.split import split, subsample
from ecgbench.harness.engine.perform import perform
from ecgbench.harness.engine.run import Machine, work_through
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.planning.catalog import DISTRIBUTION, discover
from ecgbench.harness.planning.plan import make_plan
from ecgbench.harness.planning.study import Study, resolve
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.records import encode
from ecgbench.results.store.states import forget_failed
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ecgbench.contracts.windows import Splits
    from ecgbench.harness.engine.pool import Pool
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Cell, Plan
    from ecgbench.results.store.records import CellRecord, ScoreRecord


PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture
def plugins() -> Path:
    """The folder of stub plugins."""
    return PLUGINS


@pytest.fixture
def only_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No installed plugin, a cache of one's own."""
    monkeypatch.setenv("ECGBENCH_DISABLE", DISTRIBUTION)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))


def make_windows(
    patients: Any, labels: Any = None, *, classes: tuple[str, ...] = ("N", "S", "V")
) -> EcgWindows:
    """Windows of these people and classes, all different."""
    patients = np.asarray(patients, dtype=np.int64)
    n = len(patients)
    return EcgWindows(
        signals=np.random.default_rng(1).standard_normal((n, 1, 4)).astype(np.float32),
        labels=np.zeros(n, dtype=np.int64) if labels is None else np.asarray(labels, np.int64),
        patients=patients,
        sampling_rate=4.0,
        leads=("II",),
        classes=classes,
    )


@pytest.fixture(name="make_windows", scope="session")
def _make_windows() -> Any:
    return make_windows


def wait_for(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    """Wait until it is so.

    Raises:
        AssertionError: it is not within so many seconds.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture(name="wait_for", scope="session")
def _wait_for() -> Any:
    return wait_for


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture(name="gone", scope="session")
def _gone() -> Any:
    return gone


def call_here(
    function: Callable[..., None],
    *arguments: Any,
    kinds: Any,
    log: Path | None,
    limits: Any,
    stop: Any,
) -> Iterator[Any]:
    """Call a function as `ecgbench.harness.isolation.process.call` does, in a thread of this process.

    Any exception but an `EcgbenchError` is raised here.
    """
    sent: queue.SimpleQueue[Any] = queue.SimpleQueue()
    ended: list[BaseException | None] = []

    def work() -> None:
        try:
            function(*arguments, sent.put)
        except BaseException as error:  # noqa: BLE001 - raised again below
            ended.append(error)
        sent.put(None)

    thread = threading.Thread(target=work)
    thread.start()
    while (message := sent.get()) is not None:
        yield message
    thread.join()
    error = ended[0] if ended else None
    if error is not None and not isinstance(error, EcgbenchError):
        raise error
    yield Exit(None if error is None else str(error), 0.0, 0)


@dataclass
class Watch:
    """Remembers the messages of a run."""

    started: list[str] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    failures: list[str | None] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    waited: list[list[str]] = field(default_factory=list)

    def cell_started(self, cell: Cell) -> None:
        self.started.append(cell.id.name)

    def message(self, cell: Cell, message: Any) -> None:
        self.messages.append(message)

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        self.failures.append(failure)
        self.states.append(cell.state)

    def waiting(self, cells: Sequence[Cell]) -> None:
        self.waited.append([cell.id.name for cell in cells])


@dataclass
class Bench:
    """Plans studies on a store of its own and works through them, in this process or in others.

    Attributes:
        folder: of its own.
        trace: the calls of `tests/plugins/good.py`.
        watch: the messages of the last run.
    """

    folder: Path
    trace_file: Path
    files: tuple[Path, ...] = (
        PLUGINS / "good.py",
        PLUGINS / "misbehaving.py",
        PLUGINS / "bad_dataset.py",
        PLUGINS / "process_state.py",
    )
    store_name: str = "store"
    watch: Watch = field(default_factory=Watch)
    commands: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return Store(self.folder / self.store_name)

    @property
    def catalog(self) -> Catalog:
        return discover(self.files)

    @property
    def trace(self) -> list[str]:
        return self.trace_file.read_text("utf-8").splitlines() if self.trace_file.exists() else []

    def forget_trace(self) -> None:
        self.trace_file.unlink(missing_ok=True)

    def study(self, **fields: Any) -> Study:
        plain: dict[str, Any] = {
            "name": "test",
            "datasets": ("cohort",),
            "generators": ("jitter",),
            "metrics": ("level", "spread"),
            "seeds": (0,),
            "references": False,
        }
        return resolve(msgspec.convert(plain | fields, Study), self.catalog)

    def sources(self, study: Study) -> list[data.Source]:
        def fetch(name: str) -> Path:
            raise AssertionError(f"{name} is not embedded")

        return locate(study, self.catalog, None, fetch)

    def source_of(self, cell: Cell) -> data.Source:
        """The dataset of a cell, with the cell's settings."""
        dataset = cell.id.dataset
        entry = self.catalog.entry("dataset", dataset.name)
        return data.Source(entry, build(entry.spec.config, dataset.settings, where="test"), None)

    def plan(self, study: Study | None = None, *, retry_failed: bool = False) -> Plan:
        study = study or self.study()
        records = [data.record(source, study.windows) for source in self.sources(study)]
        return make_plan(study, self.catalog, records, self.store, retry_failed=retry_failed)

    def task(self, cell: Cell, **changes: Any) -> Task:
        fields: dict[str, Any] = {
            "store": self.store.path,
            "cell": cell.id,
            "metrics": tuple(self.plan().record.metrics) if not cell.missing else cell.missing,
            "windows": data.folder(self.source_of(cell)),
            "plugin_files": tuple(str(file) for file in self.files),
        }
        return Task(**(fields | changes))

    def perform(self, cell: Cell, **changes: Any) -> list[Any]:
        """Perform the task of a cell in this process; return its messages."""
        sent: list[Any] = []
        perform(self.task(cell, **changes), sent.append, call=call_here)
        return sent

    def work(self, study: Study | None = None, *, retry_failed: bool = False) -> list[Any]:
        """Work through a plan in this process; return the messages of the cells."""
        sent: list[Any] = []
        plan = self.plan(study, retry_failed=retry_failed)
        for cell in plan.todo:
            if retry_failed:
                forget_failed(self.store, cell.id.name, plan.record.metrics)
            sent += self.perform(cell, metrics=tuple(plan.record.metrics))
        return sent

    def run(
        self,
        study: Study | None = None,
        *,
        retry_failed: bool = False,
        pool: Pool | None = None,
        **machine: Any,
    ) -> None:
        """Work through a plan as `ecgbench run` does."""
        study = study or self.study()
        plan = self.plan(study, retry_failed=retry_failed)
        self.watch = Watch()
        used = Machine(plugin_files=tuple(str(file) for file in self.files), **machine)
        work_through(plan, self.store, study, self.sources(study), used, self.watch, pool)

    def command(self, *flags: str) -> subprocess.Popen[str]:
        """``ecgbench run`` on this store, in a process group of its own."""
        plugins = [flag for file in self.files for flag in ("--plugin", str(file))]
        fixed = ["--datasets", "cohort", "--no-references", "--threads", "1"]
        fixed += ["--store", str(self.store.path)]
        command = subprocess.Popen(
            [sys.executable, "-m", "ecgbench", "run", *plugins, *fixed, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.commands.append(command)
        return command

    def cell(self, study: Study | None = None, number: int = 0) -> CellRecord:
        """The record of a cell of the plan."""
        record = self.store.cell(self.plan(study).cells[number].id.name)
        assert record is not None
        return record

    def scores(self, study: Study | None = None, number: int = 0) -> dict[str, ScoreRecord]:
        """The scores of a cell of the plan, by metric."""
        found = self.store.scores(self.plan(study).cells[number].id.name)
        return {record.metric.name: record for record in found}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_files: None) -> Iterator[Bench]:
    trace = tmp_path / "trace"
    monkeypatch.setenv("TRACE", str(trace))
    made = Bench(tmp_path, trace)
    yield made
    for command in made.commands:
        if command.poll() is None:
            command.kill()
            command.communicate()


def bench_splits(bench: Bench, seed: int = 0, windows: int | None = None) -> Splits:
    (source,) = bench.sources(bench.study())
    return split(subsample(data.windows(source), windows), seed)


def folder(bench: Bench, study: Study | None = None) -> Path:
    return bench.store.folder(bench.plan(study).cells[0].id.name)


def stored(bench: Bench, study: Study | None = None) -> dict[str, Any]:
    return read_npz(folder(bench, study) / "synthetic.npz")


def calls(bench: Bench) -> Counter[str]:
    """Return the lines of the plugins, by first word."""
    return Counter(line.split()[0] for line in bench.trace)


def curve(bench: Bench, study: Study | None = None) -> list[dict[str, str]]:
    text = (folder(bench, study) / "artefacts" / "training.csv").read_text()
    return list(csv.DictReader(io.StringIO(text)))


def bad(bench: Bench, how: str, name: str = "bad") -> Study:
    return bench.study(generators=(name,), generator={name: {"how": how}}, metrics=("spread",))


def log(bench: Bench, study: Study) -> str:
    cell = bench.plan(study).cells[0].id.name
    return (bench.store.folder(cell) / "log.txt").read_text("utf-8")


@pytest.fixture
def targets(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of functions for another process, importable there too."""
    monkeypatch.syspath_prepend(str(plugins))
    return importlib.import_module("processes")


@pytest.fixture
def pids(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file for the processes of hanging plugins."""
    file = bench.folder / "pids"
    monkeypatch.setenv("PIDS", str(file))
    monkeypatch.setenv("HANG", str(bench.folder))
    return file


MANY = {"cohort": {"patients": 24, "windows": 480}}
"""As many people as an interval needs, in each fold."""


def name_of(bench: Bench, study: Study) -> str:
    return bench.plan(study).cells[0].id.name


def reseal(bench: Bench, cell: str, metric: str, **changes: Any) -> None:
    (record,) = [s for s in bench.store.scores(cell) if s.metric.name == metric]
    file = bench.store.score_file(cell, record.metric)
    file.write_bytes(encode(msgspec.structs.replace(record, **changes)))
