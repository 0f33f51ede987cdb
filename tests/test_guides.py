"""The guides of docs/plugins, followed word by word: files saved, commands run, fragments executed."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ecgbench
from tests.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDES = Path(__file__).resolve().parents[1] / "docs" / "plugins"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SAVED = re.compile(r"Save (?:this|it) as\s+`([\w./-]+)`")
LONG = ("ecgbench audit",)
"""Commands of many minutes: test_docs.py checks their options."""


def steps(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield the steps of a page: the name of a saved file or empty, the language, and the text."""
    text = (GUIDES / page).read_text("utf-8")
    before = 0
    for block in BLOCK.finditer(text):
        saved = SAVED.findall(text[before : block.start()])
        yield (saved[-1] if saved else "", block[1], block[2])
        before = block.end()


def commands(text: str) -> list[str]:
    """Return the commands of a block, without those of many minutes."""
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith(LONG)]


def follow(page: str, shell: Shell, names: dict[str, Any]) -> list[str]:
    """Do all that a page says; return the commands."""
    done = []
    for file, language, text in steps(page):
        if file:
            (shell.folder / file).write_text(text, "utf-8")
        elif language == "python":
            exec(compile(text, page, "exec", dont_inherit=True), names)
        elif language == "toml":
            tomllib.loads(text)
        elif language == "":
            for command in commands(text):
                shell(command)
                done.append(command)
        else:
            assert language == "sh", f"{page}: nobody follows a block of {language}"
    return done


@pytest.fixture(scope="module")
def splits() -> ecgbench.Splits:
    return ecgbench.splits("ecgsyn", seed=0, study="smoke")


@pytest.mark.slow
def test_the_guide_to_generators(tmp_path: Path, splits: ecgbench.Splits) -> None:
    names: dict[str, Any] = {"train": splits.train}
    shell = Shell(tmp_path)
    follow("generator.md", shell, names)
    assert re.search(r"^mean-beat +-?\d", shell.printed, re.MULTILINE)
    assert len(names["mine"]) + len(names["others"]) == len(splits.train)
    assert not set(names["mine"].patients) & set(names["others"].patients)
    assert set(names["ventricular"].labels) == {splits.train.classes.index("V")}


@pytest.mark.slow
def test_the_guide_to_metrics(tmp_path: Path, splits: ecgbench.Splits) -> None:
    comparison = ecgbench.Comparison(
        synthetic=splits.fresh, splits=splits, seed=0, headline_classes=("N", "S", "V")
    )
    names: dict[str, Any] = {"comparison": comparison, "config": SimpleNamespace(steps=3)}
    shell = Shell(tmp_path)
    follow("metric.md", shell, names)
    assert "height-difference ↓" in shell.printed
    assert len(names["nearest"][0]) == len(splits.fresh)


@pytest.mark.slow
def test_the_guide_to_datasets(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    peaks = np.array([20, 720, 1440, 3590])
    names: dict[str, Any] = {
        "signals": rng.standard_normal((1, 3600)),
        "peaks": peaks,
        "labels": np.array([0, 1, 0, 1]),
    }
    shell = Shell(tmp_path)
    follow("dataset.md", shell, names)
    assert "my-ecg · study smoke" in shell.printed
    assert names["windows"].shape == (2, 1, 200)
    assert names["labels"].tolist() == [1, 0]
    assert names["positions"].tolist() == [2.0, 4.0]


@pytest.mark.long
@pytest.mark.slow
def test_the_guide_to_ones_own_recordings(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    *_, run = follow("own-recordings.md", shell, {})
    assert "clinic · study quick" in shell.printed
    # it is the copied folder, and no longer the example
    beats = tmp_path / "clinic" / "r01.beats.csv"
    beats.write_text(beats.read_text().replace("sample,", "smple,"))
    with pytest.raises(AssertionError, match=r"clinic/r01\.beats\.csv has no column 'sample'"):
        shell(run)


@pytest.mark.slow
def test_the_guide_to_dataset_files(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert len(follow("../dataset-files.md", shell, {})) == 4
    said = " ".join(shell.printed.split())
    assert "class strip 24 windows of 12 people" in said
    assert "nothing looks wrong" in said


@pytest.mark.long
@pytest.mark.slow
def test_the_guide_to_models_elsewhere(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert len(follow("elsewhere.md", shell, {})) == 6
    assert re.search(r"^mean-beat.*submitted|submitted.*mean-beat", shell.printed, re.MULTILINE)


@pytest.mark.slow
def test_the_first_page(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for file, language, text in steps("README.md"):
        if file:
            (tmp_path / file).write_text(text, "utf-8")
        for command in commands(text) if not language else ():
            shell(command)
    assert "the same to the byte" in shell.printed


def test_every_guide_is_followed() -> None:
    source = Path(__file__).read_text("utf-8")
    pages = {page.name for page in GUIDES.glob("*.md")} - {"testing.md"}  # tests/testing follows it
    assert pages == {page for page in pages if f'"{page}"' in source}


def test_the_container_of_the_guide_runs_the_same_command() -> None:
    """It is not started: no image comes with the tests."""
    (line,) = (text for _, language, text in steps("elsewhere.md") if language == "sh")
    assert line.strip().endswith("python train.py split-0 mine-0.npz")
    assert shutil.which("sh")
