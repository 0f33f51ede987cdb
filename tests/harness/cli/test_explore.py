from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def explore(ecgbench: Command, *flags: object, plugin: str = "good.py") -> int:
    return ecgbench("explore", "cohort", "--plugin", plugin, *flags)


def test_the_terminal_tells_classes_people_quality_and_splits(there: Command) -> None:
    assert explore(there) == 0
    for told in (
        "240 beats of 6 people",
        "classes",
        "quality by lead",
        "split of seed 0 (fold 0)",
        "split of seed 1 (fold 1)",
        "people: 6 of 6",
        "RR and heart rate are not known",
    ):
        assert told in there.out


def test_json_is_for_programs(there: Command) -> None:
    assert explore(there, "--json", "--windows", 100) == 0
    found = json.loads(there.out)
    assert found["dataset"] == "cohort"
    assert found["schema"] == 1
    assert sum(each["windows"] for each in found["classes"]) == found["windows"] <= 110


@pytest.mark.parametrize("plugin", ["good.py", "free.py"])
def test_a_page_is_one_file_and_shows_windows_only_if_it_may(there: Command, plugin: str) -> None:
    assert explore(there, "--out", "page.html", plugin=plugin) == 0
    page = Path("page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "://" not in page
    assert "<script" not in page
    pictures = page.count('src="data:image/png;base64,')
    is_free = plugin == "free.py"
    assert pictures == 3 + is_free
    assert ("windows drawn at random, by class" in page) == is_free
    assert ("cohort may not be redistributed" in page) == (not is_free)
    assert "written: page.html" in there.out


def test_the_same_dataset_gives_the_same_page(there: Command) -> None:
    for name in ("a.html", "b.html"):
        assert explore(there, "--out", name, plugin="free.py") == 0
    assert Path("a.html").read_bytes() == Path("b.html").read_bytes()


def test_names_of_a_hostile_dataset_are_text(there: Command) -> None:
    text = Path("free.py").read_text("utf-8")
    text = text.replace(
        '("N", "S", "V")[: config.classes]', '("<img src=x>", "$\\\\alpha$\\x1b[2J")'
    )
    text = text.replace('"age": 40', '"<b>": 40')
    Path("hostile.py").write_text(text, "utf-8")
    assert explore(there, "--out", "page.html", plugin="hostile.py") == 0
    assert "\x1b[2J" not in there.out
    page = Path("page.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "<b>" not in page
    assert "&lt;img src=x&gt;" in page


def test_mistakes_are_told(there: Command) -> None:
    assert explore(there, "--out", "page.pdf") == 2
    assert "the page is a file .html" in there.err
    assert there("explore", "chort", "--plugin", "good.py") == 2
    assert "did you mean 'cohort'?" in there.err
