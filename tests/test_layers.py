"""Plugins import the public API, and never each other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
KINDS = ("datasets", "generators", "metrics")
INSIDE = tuple(f"ecgbench.{part}" for part in (*KINDS, "harness", "results"))


def imported(file: Path, package: list[str]) -> Iterator[str]:
    """Full names of what a file of this package imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def trespasses(root: Path, kind: str) -> list[str]:
    """Imports from another plugin's folder, or from inside the harness."""
    found = []
    for file in sorted((root / kind).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        own = ".".join(("ecgbench", *parts[:2]))
        for name in imported(file, ["ecgbench", *parts[:-1]]):
            inside = any(name == part or name.startswith(f"{part}.") for part in INSIDE)
            if inside and not (name == own or name.startswith(f"{own}.")):
                found.append(f"{file.relative_to(root).as_posix()}: {name}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_imports_no_other_plugin_and_nothing_from_inside_the_harness(kind: str) -> None:
    assert len(list((ROOT / kind).rglob("*.py"))) > 3
    assert trespasses(ROOT, kind) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "from ecgbench.metrics.fidelity.people import first",
            "ecgbench.metrics.fidelity.people.first",
        ),
        ("from ecgbench.metrics import fidelity", "ecgbench.metrics.fidelity"),
        ("import ecgbench.metrics.fidelity", "ecgbench.metrics.fidelity"),
        ("from ..fidelity import first", "ecgbench.metrics.fidelity.first"),
        ("def late():\n    from ecgbench.datasets import mitdb", "ecgbench.datasets.mitdb"),
        ("from ecgbench.harness.data.split import split", "ecgbench.harness.data.split.split"),
    ],
)
def test_an_import_of_another_plugin_would_be_seen(tmp_path: Path, line: str, name: str) -> None:
    folder = tmp_path / "metrics" / "shape"
    folder.mkdir(parents=True)
    allowed = (
        "import numpy\nfrom ecgbench import Score, nn\nfrom ecgbench.nn import Encoder\n"
        "from ecgbench.metrics.shape.wave import wave\nfrom .wave import wave\n"
    )
    (folder / "shape.py").write_text(allowed)
    assert trespasses(tmp_path, "metrics") == []
    (folder / "shape.py").write_text(f"{allowed}{line}\n")
    assert trespasses(tmp_path, "metrics") == [f"metrics/shape/shape.py: {name}"]
