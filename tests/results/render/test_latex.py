from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from PIL import ImageFont

from ecgbench.results.render import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board

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


TEXT_WIDTH = 345.0
"""pt, of an article at 10 pt, the narrowest page of LaTeX's own classes."""


def length(cell: str) -> float:
    """pt of a cell in Computer Modern."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    size = 7 if r"\scriptsize" in cell else 9
    file = "cmb10.ttf" if r"\textbf" in cell else "cmr10.ttf"
    shown = re.sub(r"\$\\\w+\$|\$\^\S+?\$", "n", cell)
    shown = re.sub(r"\\[a-z]+\s?|[{}$]", "", shown).strip()
    return float(ImageFont.truetype(folder / file, 1000).getlength(shown)) * size / 1000


@pytest.mark.parametrize("competitors", [2, 5])
def test_every_table_fits_on_a_page(realistic: Callable[..., Board], competitors: int) -> None:
    board = realistic(competitors)
    board.rows[0].label = "a-model-with-a-long-name"
    long = "differentially-private-membership-inference"
    board.metrics = {f"{long}-{k}" if k == "mmd" else k: m for k, m in board.metrics.items()}
    for row in board.rows:
        row.scores[f"{long}-mmd"] = row.scores.pop("mmd")
    tables = re.findall(r"\\begin\{tabular\}\{lr*\}(.*?)\\end", render([board], "latex"), re.DOTALL)
    assert len(tables) > 4
    for body in tables:
        rows = [line[:-3].split(" & ") for line in body.splitlines() if line.endswith(r"\\")]
        columns = list(zip(*rows, strict=True))
        assert sum(max(map(length, column)) + 12 for column in columns) <= TEXT_WIDTH


def test_a_divided_family_says_which_part_a_table_is(realistic: Callable[..., Board]) -> None:
    out = render([realistic()], "latex")
    fidelity = re.findall(r"\\caption\{.*: fidelity (.*)\.\}", out)
    assert fidelity == [f"({part} of {len(fidelity)})" for part in range(1, len(fidelity) + 1)]
    assert len(fidelity) > 1
    for label in ("distance", "mmd", "discriminative"):
        assert len(re.findall(rf"(?<!-){label} \$", out)) == 1


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
    assert out.count(r"\midrule") == 1 + 2 * (out.count(r"\begin{table}") - 1)
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
