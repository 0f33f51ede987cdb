from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import ecgbench

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = [
    "Between",
    "Board",
    "CellEnded",
    "CellNote",
    "CellProgress",
    "CellStarted",
    "Comparison",
    "Components",
    "Config",
    "Context",
    "Contributions",
    "Costs",
    "DataError",
    "DatasetSpec",
    "EcgWindows",
    "EcgbenchError",
    "Fetching",
    "Generator",
    "GeneratorSpec",
    "LoadDataset",
    "Metric",
    "MetricSpec",
    "Notice",
    "OneOf",
    "PhysioNet",
    "Reading",
    "Score",
    "ScoreEnded",
    "Skip",
    "Splits",
    "Term",
    "Waiting",
    "boards",
    "compare",
    "discover",
    "evaluate",
    "exchangeable_parts",
    "explore",
    "hookimpl",
    "known_labels",
    "plot",
    "principal_components",
    "report",
    "run",
    "sample",
    "score",
    "splits",
    "stratified",
    "tune",
]
HEAVY = ("numpy", "torch", "pandas", "sklearn", "scipy", "wfdb", "matplotlib")


def imported(code: str, *flags: str) -> set[str]:
    """Which heavy packages a program has imported when it has run."""
    say = f"import sys; print(*set({HEAVY}) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, *flags, "-c", f"{code}\n{say}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_public_names_are_these() -> None:
    assert ecgbench.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(ecgbench, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ecgbench' has no attribute 'Metrics'"):
        _ = ecgbench.Metrics


def test_what_a_light_plugin_module_imports_costs_no_numpy() -> None:
    heavy = {
        "Comparison",
        "Board",
        "boards",
        "compare",
        "evaluate",
        "explore",
        "plot",
        "report",
        "run",
        "sample",
        "score",
        "splits",
        "tune",
    }
    light = [name for name in PUBLIC if name not in heavy]
    assert imported(f"from ecgbench import {', '.join(light)}") == set()


def test_the_package_itself_costs_no_module_of_the_api() -> None:
    code = "import ecgbench, sys; print(*(m for m in sys.modules if 'ecgbench.harness' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_asking_every_installed_plugin_what_it_offers_imports_nothing_heavy() -> None:
    code = (
        "from ecgbench.harness.planning.catalog import discover; c = discover(); assert c.entries"
    )
    assert imported(code) == set()


def test_a_heavy_plugin_would_be_seen(plugins: Path) -> None:
    code = f"from ecgbench.harness.planning.catalog import discover; discover([{str(plugins / 'heavy.py')!r}])"
    assert imported(code) == {"numpy"}


def test_the_module_is_the_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ecgbench", "--help"], capture_output=True, text=True, check=True
    )
    assert "run" in done.stdout
