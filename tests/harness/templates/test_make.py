"""The files of new plugins."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.contracts.errors import PluginError, UsageError
from ecgbench.harness.planning.catalog import KINDS, discover
from ecgbench.harness.templates.make import EXAMPLES, FOLDER, make
from ecgbench.harness.templates.recordings import recordings

if TYPE_CHECKING:
    from pathlib import Path


def spec(file: Path, kind: Any) -> Any:
    catalog = discover([file])
    assert catalog.problems == []
    (entry,) = (entry for entry in catalog.of_kind(kind) if entry.origin.is_file)
    return entry.spec


def test_there_is_an_example_of_each_kind() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [
        *("mine", "a", "12-lead", "3", "my--model-", "class", "a" * 64, "one-2-three"),
        *("none", "true", "meta", "path", "config", "context", "ecg-windows", "generator-spec"),
    ],
)
def test_every_name_of_a_plugin_gives_python_that_can_be_imported(
    kind: Any, name: str, tmp_path: Path
) -> None:
    made = make(kind, name, tmp_path / "whole", one_file=False)
    for file in made.files:
        if file.suffix == ".py":
            compile(file.read_text("utf-8"), file, "exec")
    project = tomllib.loads((made.path / "pyproject.toml").read_text("utf-8"))
    ((_, module),) = project["project"]["entry-points"]["ecgbench"].items()
    assert made.path / "src" / f"{module.replace('.', '/')}.py" in made.files
    assert project["project"]["name"].startswith("ecgbench-")
    assert spec(make(kind, name, tmp_path, one_file=True).path, kind).name == name


@pytest.mark.parametrize("name", ["numpy", "random", "ecgbench", "typing"])
def test_a_file_has_the_name_of_no_library(name: str, tmp_path: Path) -> None:
    assert make("metric", name, tmp_path, one_file=True).path == tmp_path / f"metric_{name}.py"


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_is_bounded_and_described(kind: Any, tmp_path: Path) -> None:
    from ecgbench.contracts.config import fields
    from ecgbench.harness.planning.cards import _setting

    found = spec(make(kind, "mine", tmp_path, one_file=True).path, kind)
    settings = [_setting(field, found) for field in fields(found.config)]
    assert all(setting["description"] for setting in settings)
    assert any(setting["limits"] for setting in settings)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_is_formatted(kind: Any, tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="ruff, of the extra dev, is not installed")
    made = make(kind, "mine", tmp_path / "whole", one_file=False)
    for command in (["format", "--check"], ["check", "--select", "E,F,I,UP,B,SIM,RUF"]):
        words = [sys.executable, "-m", "ruff", *command, "--no-cache", str(made.path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_made_file_imports_nothing_heavy(kind: Any, tmp_path: Path) -> None:
    made = make(kind, "mine", tmp_path, one_file=True)
    code = (
        "import sys; from ecgbench.harness.planning.catalog import discover; "
        f"assert not discover([{str(made.path)!r}]).problems; "
        "print(*{'numpy', 'torch', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.py is there already.*--out"):
        make("metric", "mine", tmp_path, one_file=True)
    with pytest.raises(UsageError, match=r"is there already.*--out"):
        make("metric", "mine", tmp_path, one_file=False)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.py"]
    assert (tmp_path / "mine.py").read_text() == "mine"


def test_recordings_are_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "mine_recordings").mkdir()
    (tmp_path / "mine_recordings" / "r01.csv").write_text("II\n0\n")
    with pytest.raises(UsageError, match="mine_recordings is there already"):
        make("dataset", "mine", tmp_path, one_file=True)
    assert not (tmp_path / "mine.py").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert make("metric", "mine", tmp_path, one_file=False).path == tmp_path


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*file"):
        make("metric", "mine", tmp_path / "file" / "below", one_file=False)


@pytest.mark.parametrize("name", ["Mine", "my_model", "-x", "", "a" * 65, "../up"])
def test_a_name_that_is_no_plugins_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="does not match"):
        make("metric", name, tmp_path / "new", one_file=False)
    assert list(tmp_path.iterdir()) == []


def test_a_word_of_a_template_without_a_value_is_an_error() -> None:
    from jinja2 import UndefinedError

    from ecgbench.harness.templates.make import _environment

    with pytest.raises(UndefinedError):
        _environment().from_string("{{ nmae }}").render(name="mine")


def test_every_template_is_used(tmp_path: Path) -> None:
    from ecgbench.harness.templates import make as module

    used: set[str] = set()
    loader = module._environment().loader
    assert loader is not None
    source = loader.get_source

    def noted(environment: Any, template: str) -> Any:
        used.add(template)
        return source(environment, template)

    module._environment.cache_clear()
    loader = module._environment().loader
    assert loader is not None
    loader.get_source = noted  # type: ignore[method-assign]
    try:
        for kind in KINDS:
            make(kind, "mine", tmp_path / kind, one_file=False)
            make(kind, "mine", tmp_path / f"{kind}-file", one_file=True)
    finally:
        module._environment.cache_clear()
    assert used == {str(f.relative_to(FOLDER)) for f in FOLDER.rglob("*.jinja")}


def test_recordings_are_the_same_each_time_and_have_beats_of_both_classes() -> None:
    files = recordings()
    assert files == recordings()
    assert files != recordings(seed=1)
    people = files["people.csv"].splitlines()
    assert len(people) == 1 + 12
    labels = {
        line[-1] for name, text in files.items() if "beats" in name for line in text.split()[1:]
    }
    assert labels == {"N", "V"}
    signal = np.array(files["r01.csv"].split()[1:], dtype=float)
    assert len(signal) == 2000
    assert 0.5 < signal.max() < 2  # an R peak in mV
