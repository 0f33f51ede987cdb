"""A Dask cluster on the loopback interface: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """Starts, kills and ends its processes."""

    folder: Path
    port: int = field(default_factory=free_port)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def dask(self, *arguments: str) -> subprocess.Popen[bytes]:
        number = len(self.started)
        with (self.folder / f"dask-{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        process = self.dask("scheduler", "--host", "127.0.0.1", "--port", str(self.port))
        end = time.monotonic() + 60
        while not self._listens():
            assert time.monotonic() < end, "no scheduler listens"
            time.sleep(0.05)
        return process

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def worker(self, *flags: str) -> subprocess.Popen[bytes]:
        folder = self.folder / f"worker-{len(self.started)}"
        fixed = ("--nthreads", "1", "--memory-limit", "0", "--local-directory", str(folder))
        return self.dask("worker", self.address, *fixed, *flags)

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to a process and all it has started, as when a machine goes down."""
        family = [
            process.pid,
            *(c.pid for c in psutil.Process(process.pid).children(recursive=True)),
        ]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def cluster(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__DAEMON", "True")
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield found
    finally:
        found.end()
