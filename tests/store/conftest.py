"""A process with a store: it is killed, or denied space, at any call that changes the store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.planning.catalog import DISTRIBUTION
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


HERE = Path(__file__).parent
STUBS = HERE.parent / "harness" / "cli" / "stubs.py"
TIMES = {"finished", "fit_seconds", "sample_seconds", "seconds", "cpu_seconds", "peak_memory"}
"""Members of records with another value in every run; the seal depends on them."""


@dataclass(frozen=True)
class Outcome:
    """What became of a rehearsal.

    Attributes:
        killed: whether it died on the way.
        kinds: a letter for each call that changed a file of the store (`crash.c`).
        error: class and message of its exception, or ``"traceback"`` if that is no error for users.
        sent: the messages of the cells.
        trace: the lines of `tests/plugins/good.py`.
    """

    killed: bool
    kinds: str
    error: tuple[str, str] | None
    sent: list[dict[str, Any]]
    trace: list[str]

    @property
    def fits(self) -> int:
        return sum(line.startswith("fit ") for line in self.trace)

    @property
    def asides(self) -> list[str]:
        """What was damaged and set aside."""
        return [message["reason"] for message in self.sent if message["type"] == "SetAside"]


class Rehearsals:
    """Rehearses the plan of `rehearse.py` in stores of one folder, each time in a new process."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.folder = folder
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environ = dict(os.environ) | dict.fromkeys(names, "1")
        environ |= {
            "LD_PRELOAD": str(shim),
            "ECGBENCH_DISABLE": DISTRIBUTION,
            "ECGBENCH_CACHE_DIR": str(folder / "cache"),
        }
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "rehearse.py"), str(folder / "warm")],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, store: Path, way: str = "count", point: int = 0) -> Outcome:
        """Rehearse.

        Args:
            store: to work in.
            way: ``count``; ``before``, ``after`` or ``half``, to be killed; ``full``, to find the
                disk full from then on; ``once``, to find it full for that call alone.
            point: the number of that call, from 1.
        """
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        asked = {"store": str(store), "trace": str(trace), "way": way, "point": point}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        assert told["signal"] in (0, signal.SIGKILL), told
        error = told.get("error")
        return Outcome(
            killed=bool(told["signal"]),
            kinds=told.get("kinds", ""),
            error=None if error is None else (error[0], error[1]),
            sent=told.get("sent", []),
            trace=trace.read_text("utf-8").splitlines() if trace.exists() else [],
        )

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="session")
def rehearse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsals]:
    if sys.platform != "linux":
        pytest.skip("the shim is for Linux")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler (cc) to make the shim with")
    folder = tmp_path_factory.mktemp("rehearsals").resolve()
    shim = folder / "crash.so"
    flags = ("-std=c11", "-O1", "-shared", "-fPIC", "-o", str(shim))
    subprocess.run([compiler, *flags, str(HERE / "crash.c"), "-ldl"], check=True)
    rehearsals = Rehearsals(folder, shim)
    yield rehearsals
    rehearsals.close()


# --- the real command ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """Starts ``ecgbench run`` with the plugins of `tests/harness/cli/stubs.py` on one store.

    Attributes:
        folder: to work in.
        store: the store's folder.
    """

    folder: Path
    store: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *flags: str) -> subprocess.Popen[str]:
        fixed = ["--plugin", str(STUBS), "--datasets", "tiny", "--generators", "jitter"]
        fixed += ["--no-references", "--metrics", "peak,never", "--store", str(self.store)]
        process = subprocess.Popen(
            [sys.executable, "-m", "ecgbench", "run", *fixed, *flags],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def __call__(self, *flags: str) -> tuple[int, str, str]:
        """Run to the end; return exit code, output and errors."""
        process = self.start(*flags)
        out, err = process.communicate()
        return process.returncode, out, err

    @property
    def fits(self) -> list[int]:
        """The seeds of all finished fits, in their order."""
        file = self.folder / "fits.txt"
        return [int(seed) for seed in file.read_text().split()] if file.exists() else []

    @property
    def done(self) -> list[int]:
        """The seeds of the successful cells with all their scores; every record is read."""
        reader = Store(self.store)
        seeds = []
        for name in reader.cell_names():
            assert reader.damage(name) is None
            record, scores = reader.cell(name), reader.scores(name)
            assert record is not None
            assert record.status == "ok"
            assert {score.status for score in scores} <= {"ok", "skipped"}
            if len(scores) == 2:
                seeds.append(record.cell.seed)
        return sorted(seeds)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    for name in [n for n in os.environ if n.startswith("ECGBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("STUB_FITS", str(tmp_path / "fits.txt"))
    command = Command(tmp_path, tmp_path / "store")
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


# --- the state of a store --------------------------------------------------------------------------


@dataclass(frozen=True)
class Undisturbed:
    """A rehearsal without a disturbance."""

    kinds: str
    state: dict[str, Any]


@pytest.fixture(scope="session")
def undisturbed(rehearse: Rehearsals) -> Undisturbed:
    store = rehearse.folder / "undisturbed"
    outcome = rehearse(store)
    assert outcome.error is None
    return Undisturbed(outcome.kinds, state(store))


def state(store: Path) -> dict[str, Any]:
    """Return all files of a store by name, without leases, locks, logs and damaged files.

    Records are without the members of `TIMES`.
    """
    found: dict[str, Any] = {}
    for file in sorted(store.rglob("*")):
        name = str(file.relative_to(store))
        left_out = name.startswith(("damaged/", "leases/")) or file.suffix == ".lock"
        if file.is_file() and not left_out and file.name != "log.txt":
            content = file.read_bytes()
            record = file.suffix == ".json" and not name.startswith("board/")
            found[name] = _timeless(json.loads(content)) if record else content
    return found


def _timeless(content: Any) -> Any:
    if isinstance(content, list):
        return [_timeless(each) for each in content]
    if isinstance(content, dict):
        left_out = TIMES | {"sha256"}
        return {key: _timeless(each) for key, each in content.items() if key not in left_out}
    return content


def ended(store: Path) -> dict[Path, bytes]:
    """Return the records of finished cells and scores, and their files, with their bytes.

    Every file is read; a damaged one raises an error.
    """
    found: list[Path] = []
    reader = Store(store)
    reader.plans()
    for file in store.glob("shared/*/*/*.npz"):
        read_npz(file)
    for name in reader.cell_names():
        assert reader.damage(name) is None
        folder, record = reader.folder(name), reader.cell(name)
        assert record is not None
        found += [folder / "cell.json", folder / "synthetic.npz"]
        found += [folder / "artefacts" / artefact for artefact in record.artefacts]
        for score in reader.scores(name):
            found.append(reader.score_file(name, score.metric))
            found += [folder / "artefacts" / artefact for artefact in score.artefacts]
    return {file: file.read_bytes() for file in found}


def strays(store: Path, part: str = "cells") -> list[str]:
    """What killed writers have left below a part of a store."""
    return sorted(str(f.relative_to(store)) for f in (store / part).rglob("*.tmp"))
