"""The docstrings of the API: complete, and their examples true."""

from __future__ import annotations

import ast
import doctest
import inspect
from pathlib import Path

import pytest

import ecgbench

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("run", "score", "splits", "sample", "boards", "compare", "evaluate", "plot", "explore")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_names_each_argument_and_has_an_example(name: str) -> None:
    function = getattr(ecgbench, name)
    text = inspect.getdoc(function) or ""
    for argument in inspect.signature(function).parameters:
        assert f"\n    {argument}: " in text, argument
    for part in ("Args:", "Raises:", "Example:"):
        assert part in text


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_is_true(name: str, alone: Path) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(ecgbench, name), name, globs={})
    assert example.examples
    result = doctest.DocTestRunner(verbose=False).run(example)
    assert result.failed == 0


def imported(file: Path) -> set[str]:
    """Return the modules that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    plain = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    return plain | {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}


@pytest.mark.parametrize(
    "file", sorted((ROOT / "examples").rglob("*.py")), ids=lambda file: file.name
)
def test_an_example_imports_the_public_api_and_the_plugin_that_it_examines(file: Path) -> None:
    ours = {name for name in imported(file) if name.split(".")[0] == "ecgbench"}
    inside = {name for name in ours if name.startswith(("ecgbench.harness", "ecgbench.results"))}
    assert inside == set()
