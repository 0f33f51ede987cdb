"""The count of relative words, on files with known counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.words import count, folders, prose

if TYPE_CHECKING:
    from pathlib import Path

CODE = '''"""Return an answer, which is short."""
NAME = "that which"
MESSAGE = f"the file of {NAME} is not there yet"
STATE = "`that` is code"  # a comment in its due place
'''


def test_docstrings_comments_and_messages_are_counted_and_names_are_not(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(CODE)
    assert count(prose(file)) == (6 + 7 + 6, 1)


def test_a_page_is_counted_without_its_code(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("Run `what` that is:\n```\nwhich where\n```\nWhose file?\n")
    assert count(prose(file)) == (5, 2)


@pytest.mark.parametrize("word", ["That", "WHICH", "what", "whose", "where"])
def test_a_relative_word_is_counted_in_any_case(word: str) -> None:
    assert count(f"{word} whatever") == (2, 1)


def test_folders_are_two_levels_deep_and_pages_of_the_root_stand_alone(tmp_path: Path) -> None:
    for name in ("harness/cli/a/one.py", "harness/two.py", "docs/plugins/metric.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# one that\n")
    (tmp_path / "README.md").write_text("read")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "left.py").write_text("# out")
    assert folders(tmp_path) == {
        "README.md": (1, 0),
        "docs/plugins": (2, 1),
        "harness": (2, 1),
        "harness/cli": (2, 1),
    }
