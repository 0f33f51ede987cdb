from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.harness import cli
from ecgbench.harness.cli import doctor as doctor_module
from ecgbench.nn import native

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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
