"""The datasets of the stub plugins, as sources; a small database on a server, and copies of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.contracts.config import build
from ecgbench.harness.data import cache as data
from ecgbench.harness.data import download

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import PhysioNet
    from tests.conftest import PhysioNetServer
    from tests.harness.conftest import Bench


CHUNK = download.CHUNK
BIG = bytes(range(256)) * 2000
FILES = {"1.hea": b"header", "1.dat": BIG, "sub/2.dat": b"two", "1.xws": b"not needed"}
WANTED = r"(sub/)?\d\.(hea|dat)"


def source(bench: Bench, name: str = "cohort", **settings: Any) -> data.Source:
    """Return an embedded dataset with these settings."""
    entry = bench.catalog.entry("dataset", name)
    return data.Source(entry, build(entry.spec.config, settings, where=name), None)


@pytest.fixture
def database(physionet_server: PhysioNetServer) -> PhysioNet:
    return physionet_server.publish(FILES, wanted=WANTED)


@pytest.fixture
def copy(physionet_server: PhysioNetServer, database: PhysioNet, tmp_path: Path) -> Path:
    """A complete copy, as it would be downloaded by hand."""
    shutil.copytree(physionet_server.folder / "tinydb", tmp_path / "tinydb")
    return tmp_path / "tinydb" / "1.0.0"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))


def asked(server: PhysioNetServer, path: str) -> list[str | None]:
    """The Range header of each request of a file."""
    return [header for requested, header in server.asked if requested == path]


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
