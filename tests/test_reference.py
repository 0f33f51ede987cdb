"""The reference is what the code says, and everything in the code is documented."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from pathlib import Path

import click
import pytest

import ecgbench
from ecgbench.contracts import hooks
from ecgbench.contracts.specs import PluginSpec
from ecgbench.harness.cli import COMMANDS, cli
from ecgbench.harness.cli.help import EXAMPLES, EXITS, VARIABLES
from ecgbench.harness.planning.cards import card
from ecgbench.harness.planning.catalog import KINDS, SPEC_OF_HOOK, discover
from tests import reference

ROOT = Path(__file__).resolve().parents[1]
CODE = [
    file
    for folder in ("harness", "generators", "metrics", "datasets", "results")
    for file in (ROOT / folder).rglob("*.py")
]


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.parametrize("page", reference.pages())
def test_a_page_is_what_the_code_says(page: str) -> None:
    file = reference.FOLDER / page
    stands = file.read_text("utf-8") if file.exists() else ""
    # not a comparison of texts by pytest: its report would be as long as the page
    is_fresh = stands == reference.pages()[page]
    assert is_fresh, f"docs/reference/{page} is not what the code says: run {reference.COMMAND}"


def test_no_page_is_left_over() -> None:
    assert {file.name for file in reference.FOLDER.iterdir()} == set(reference.pages())


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_built_in_is_described(kind: str) -> None:
    entries = [entry for entry in discover([]).of_kind(kind) if entry.origin.built_in]  # type: ignore[arg-type]
    assert len(entries) > 3
    settings = [(e.spec.name, s) for e in entries for s in card(e)["settings"]]
    assert [(name, s["name"]) for name, s in settings if not s["description"]] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name: str) -> None:
    options = [param for param in command(name).params if isinstance(param, click.Option)]
    assert [option.opts for option in options if not option.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_two_examples(name: str) -> None:
    found = command(name)
    help_text = found.get_help(click.Context(found, info_name=name))
    lines = [line.strip() for line in help_text.splitlines()[-2:]]
    assert lines == [*EXAMPLES[name]]


@pytest.mark.parametrize("example", [line for two in EXAMPLES.values() for line in two])
def test_an_example_is_understood(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(example)
    assert program == "ecgbench"
    for word in words:
        if Path(word).suffix in {".csv", ".npz", ".py", ".zip"}:
            Path(word).touch()
    name, found, rest = cli.resolve_command(click.Context(cli), words)
    assert found is not None
    assert example in EXAMPLES[str(name)]
    found.make_context(name, rest)


def test_every_example_is_of_a_command() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


def test_every_hook_has_a_section() -> None:
    specified = {name for name in vars(hooks) if name.startswith("ecgbench_")}
    assert specified == set(SPEC_OF_HOOK)
    page = reference.pages()["contract.md"]
    assert specified == set(re.findall(r"^### `(ecgbench_\w+)\(\)`$", page, re.MULTILINE))


@pytest.mark.parametrize("cls", [*SPEC_OF_HOOK.values(), *reference.CLASSES, ecgbench.PhysioNet])
def test_every_field_of_the_contract_is_documented(cls: type) -> None:
    told = set(reference.documented(cls))
    told |= set(reference.documented(PluginSpec)) if issubclass(cls, PluginSpec) else set()
    if dataclasses.is_dataclass(cls):
        names = {field.name for field in dataclasses.fields(cls)}
        assert {name for name in names if not name.startswith("_")} <= told


def constants(node: ast.expr) -> set[int]:
    """Return the whole numbers that an expression of an exit code can be."""
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return {int(node.value)}
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("int", "max"):
        return {0, 1}  # of a truth value, or of a code and a truth value
    return set()


def codes(function: ast.FunctionDef) -> set[int]:
    """Return the exit codes in a function of the command line that returns one."""
    found: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            found |= constants(node.value)
            if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "_tell":
                found |= constants(node.value.args[1])
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            found |= constants(node.value)
    return found


def returning() -> dict[str, ast.FunctionDef]:
    """Return the functions that end a command with an exit code, by name."""
    ends = {"main", "report", *(target.partition(":")[2] for target, _ in COMMANDS.values())}
    return {
        node.name: node
        for file in (ROOT / "harness" / "cli").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name in ends
        and ast.unparse(node.returns or ast.Constant(None)) == "int"
    }


def test_every_exit_code_is_documented() -> None:
    assert set.union(*map(codes, returning().values())) == set(EXITS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_when_the_exit_code_is_1(name: str) -> None:
    function = returning().get(COMMANDS[name][0].partition(":")[2])
    returned = (
        [ast.unparse(n) for n in ast.walk(function) if isinstance(n, ast.Return)]
        if function
        else []
    )
    if any(line != "return 0" for line in returned):
        assert "exit code" in " ".join((command(name).help or "").split())


def test_every_environment_variable_is_documented_and_in_use() -> None:
    source = "\n".join(file.read_text("utf-8") for file in CODE if file.name != "help.py")
    used = set(re.findall(r"ECGBENCH_[A-Z_]*[A-Z]", source))
    assert used == {name for name in VARIABLES if name.startswith("ECGBENCH_")}
    for name in VARIABLES:
        assert f'"{name}"' in source
