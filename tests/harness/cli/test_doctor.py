from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ecgbench as installed
from ecgbench.harness import cli
from ecgbench.harness.cli import doctor as doctor_module
from ecgbench.nn import native

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def test_doctor_tells_versions_devices_data_and_that_all_is_well(ecgbench: Command) -> None:
    assert ecgbench("doctor") == 0
    for word in ("torch", "numpy", "devices", "cpu", "dataset mitdb", "cache", "all is well"):
        assert word in ecgbench.out


def test_doctor_tells_what_a_missing_compiler_costs_and_the_way_out(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> list[str]:
        raise native.KernelError("install one")

    monkeypatch.setattr(native, "_compiler", missing)
    monkeypatch.setattr(native, "kernel", native.kernel.__wrapped__)
    monkeypatch.setattr(native, "library", native.library.__wrapped__)
    assert ecgbench("doctor") == 0
    (line,) = [line for line in ecgbench.out.splitlines() if "recurrent kernel" in line]
    assert f"torch: {native.COST}; install one" in line


def test_doctor_tells_plugin_problems(ecgbench: Command, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from ecgbench import hookimpl\n@hookimpl\ndef ecgbench_metrix(): return []\n")
    assert ecgbench("doctor", "--plugin", bad) == 1
    assert "problem: plugin bad.py" in ecgbench.out
    assert "ecgbench_metrix" in ecgbench.out


def test_the_clash_with_the_other_distribution_stops_every_command_but_doctor(
    ecgbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "other_distribution", lambda: "1.0.0")
    monkeypatch.setattr(doctor_module, "other_distribution", lambda: "1.0.0")
    for command in ("list", "run", "leaderboard", "fetch", "show", "split", "score"):
        assert ecgbench(command) == 2
        assert len(ecgbench.err.strip().splitlines()) == 1
        assert "pip uninstall ecgbench" in ecgbench.err
    assert ecgbench("doctor") == 1
    assert "pip uninstall ecgbench" in ecgbench.out


@pytest.mark.parametrize(("lost", "named"), [("testing", "check"), ("space.py", "doctor")])
def test_an_installation_older_than_its_code_is_told_with_the_way_out(
    tmp_path: Path, lost: str, named: str
) -> None:
    package = tmp_path / "ecgbench"
    package.mkdir()
    for link in Path(installed.__file__).parent.iterdir():
        if link.name not in (lost, "__pycache__"):
            (package / link.name).symlink_to(link.resolve())
    for command in (["doctor"], [named, "gmm"][: 1 + (named == "check")]):
        done = subprocess.run(
            [sys.executable, "-m", "ecgbench", *command],
            env=os.environ | {"PYTHONPATH": str(tmp_path), "COLUMNS": "500"},
            capture_output=True,
            text=True,
            check=False,
        )
        told = done.stdout + done.stderr
        assert f"there is no module ecgbench.{lost.removesuffix('.py')}" in told
        assert "install again" in told
        assert "Traceback" not in told
        assert done.returncode in (1, 2)
