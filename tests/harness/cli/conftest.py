from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench.harness.cli import main
from tests.harness.cli.exchanges import BOTH, RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBS = Path(__file__).with_name("stubs.py")
GOOD = Path(__file__).parents[2] / "plugins" / "good.py"


@dataclass
class Command:
    """Runs ``ecgbench`` in a folder of its own."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""
    stubs: Path = STUBS
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of a run of less than a second."""
        plugins = ("--plugin", str(self.stubs), "--no-references")
        return (*plugins, "--datasets", "tiny", "--generators", "jitter")

    def __call__(self, *arguments: object) -> int:
        """Run in this process; return the exit code and keep the output."""
        if arguments[0] in ("leaderboard", "compare") and "--plugin" not in arguments:
            arguments += ("--plugin", str(self.stubs))  # else its metrics are not installed
        code = main([str(argument) for argument in arguments])
        self.out, self.err = self.capsys.readouterr()
        return code

    def tiny(self, *arguments: object) -> int:
        return self("run", *self.flags, "--metrics", "peak,never", *arguments)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start in a process group of its own; the fixture ends processes left by a test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ecgbench", *map(str, arguments)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    @property
    def boards(self) -> list[dict]:
        assert self("leaderboard", "--format", "json") == 0
        found: list[dict] = json.loads(self.out)["boards"]
        return found


@pytest.fixture
def ecgbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    for name in [n for n in os.environ if n.startswith("ECGBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path, capsys)
    yield command
    for process in command.started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of a run, and its plugins: the same, but redistributable."""
    folder = tmp_path_factory.mktemp("made")
    free = GOOD.read_text("utf-8").replace('licence="MIT"', 'licence="MIT", redistributable=True')
    (folder / "free.py").write_text(free, "utf-8")
    shutil.copy(GOOD, folder / "good.py")
    copies = ("--generators", "jitter", "--metrics", "level", "--set", "generator.jitter.sigma=0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGBENCH_CACHE_DIR", str(folder / "cache"))
        patch.chdir(folder)
        _run("--store", "free", "--plugin", "free.py", *BOTH)
        _run("--store", "good", "--plugin", "good.py", *BOTH)
        _run("--store", "copies", "--plugin", "good.py", *copies)
    return folder


def _run(*flags: str) -> None:
    assert main(["run", *RUN, *flags]) == 0


@pytest.fixture
def there(ecgbench: Command, made: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, in a folder with a copy of the run's stores."""
    for name in ("free", "good", "copies"):
        shutil.copytree(made / name, name)
        if name != "copies":
            shutil.copy(made / f"{name}.py", f"{name}.py")
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(made / "cache"))
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("ecgbench.results.store.sync._syncfs", lambda: None)
    return ecgbench
