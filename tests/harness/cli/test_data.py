from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PhysioNetServer
    from tests.harness.cli.conftest import Command

MITDB = shipped("mitdb")


def test_an_embedded_dataset_has_nothing_to_fetch(ecgbench: Command) -> None:
    assert ecgbench("fetch", "ecgsyn") == 2
    assert "dataset ecgsyn is embedded" in ecgbench.err


def test_an_unknown_dataset_is_suggested(ecgbench: Command) -> None:
    assert ecgbench("fetch", "mitbih") == 2
    assert "did you mean" in ecgbench.err


@pytest.mark.real_data
def test_fetch_brings_mitdb_whole_and_a_second_fetch_does_nothing(
    ecgbench: Command,
    physionet_server: PhysioNetServer,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MITDB.source is not None
    physionet_server.mirror(MITDB.source, data_dir / "mitdb")
    monkeypatch.setenv("ECGBENCH_PHYSIONET_URL", physionet_server.url)
    assert ecgbench("fetch", "mitdb") == 0
    assert "mitdb is here, complete and verified" in ecgbench.out.replace("\n", " ")
    asked = len(physionet_server.asked)
    assert asked >= 3 * 48
    assert ecgbench("fetch", "mitdb") == 0
    assert len(physionet_server.asked) == asked
    assert ecgbench("doctor") == 0
    assert "complete and verified" in ecgbench.out


def test_offline_a_named_dataset_is_an_error_with_three_ways_out(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ECGBENCH_PHYSIONET_URL", f"http://127.0.0.1:{port}/")
    assert ecgbench("run", "--datasets", "mitdb") == 2
    for way in ("ecgbench fetch mitdb", "--data-dir", "mitdb-208,ecgsyn"):
        assert way in ecgbench.err
    assert "Traceback" not in ecgbench.err


@pytest.mark.real_data
def test_the_default_datasets_are_the_full_ones_on_this_machine(
    ecgbench: Command, data_dir: Path
) -> None:
    flags = ("--generators", "gmm", "--metrics", "mmd", "--dry-run", "--data-dir", data_dir)
    assert ecgbench("run", *flags) == 0
    assert "mitdb" in ecgbench.out
    assert "ecgsyn" not in ecgbench.out
