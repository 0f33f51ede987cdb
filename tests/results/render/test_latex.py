from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ecgbench.results.render import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board import Board

COMMANDS = {
    *("begin", "end", "centering", "small", "caption", "toprule", "midrule", "bottomrule", "item"),
    *("textbf", "textit", "scriptsize", "textbackslash", "textasciitilde", "textasciicircum"),
    *("textless", "textgreater", "textbar", "uparrow", "downarrow", "cdot", "textmu"),
}


@pytest.fixture(params=["realistic", "hostile", "alarming"])
def latex(request: pytest.FixtureRequest) -> str:
    board = request.getfixturevalue(request.param)
    return render([board() if callable(board) else board], "latex")


def test_groups_and_environments_are_balanced(latex: str) -> None:
    bare = re.sub(r"\\[{}]", "", latex)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", latex):
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []


def test_it_holds_known_commands_and_ascii_only(latex: str) -> None:
    assert latex.isascii()
    content = "\n".join(line for line in latex.splitlines() if not line.startswith("%"))
    assert set(re.findall(r"\\([a-zA-Z]+)", content)) <= COMMANDS
    assert not re.findall(r"(?<!\\)[#%~^_]", content)
    assert len(re.findall(r"(?<!\\)\$", content)) % 2 == 0


def test_every_line_of_a_table_has_as_many_cells_as_its_head(latex: str) -> None:
    tables = re.findall(r"\\begin\{tabular\}\{(lr*)\}(.*?)\\end\{tabular\}", latex, flags=re.DOTALL)
    assert tables
    for columns, body in tables:
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(columns)}


def test_no_line_of_a_table_begins_an_argument_or_a_variant_of_the_one_before(latex: str) -> None:
    assert not re.search(r"(\\\\|rule)\s*[\[*]", latex)


def test_a_row_has_its_values_and_below_them_its_intervals(
    realistic: Callable[..., Board],
) -> None:
    out = render([realistic()], "latex")
    assert re.search(
        r"^timegan & \\textbf\{2\.41\} & \\textbf\{0\.\d+\} & .*\\\\$", out, re.MULTILINE
    )
    assert re.search(r"^ &  & \\scriptsize \{\[\}0\.\d+, 0\.\d+\{\]\} & .*\\\\$", out, re.MULTILINE)
    assert out.count(r"\midrule") == 1 + 2 * 4
    assert r"\item failed: mmd (timegan): MemoryError: 3 GiB" in out


def test_an_alarm_is_marked_and_explained(alarming: Board) -> None:
    out = render([alarming], "latex")
    assert re.search(r"^ & \\scriptsize ! \{\[\}0\.2", out, re.MULTILINE)
    assert r"\item thief: auc 0.22 (null 0.5): significantly better than the null." in out
    assert r"\item thief (seeds 0, 1): it left files behind" in out


def test_letters_that_pdflatex_does_not_know_are_taken_apart(hostile: Board) -> None:
    out = render([hostile], "latex")
    assert r"\textbackslash{}input\{/etc/passwd\}" in out
    assert "e ?" in out
