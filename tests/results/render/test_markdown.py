from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecgbench.results.render import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


def test_every_line_of_a_table_has_as_many_cells(
    realistic: Callable[..., Board], hostile: Board
) -> None:
    for board in (realistic(), hostile):
        for table in re.findall(r"(?:^\|.*\n)+", render([board], "markdown"), flags=re.MULTILINE):
            assert len({len(cells(line)) for line in table.splitlines()}) == 1


def test_a_row_has_its_values_with_intervals_and_the_best_in_bold(
    realistic: Callable[..., Board],
) -> None:
    out = render([realistic()], "markdown")
    assert "## mitdb · study quick" in out
    assert re.search(
        r"^\| timegan \| \*\*2\.41\*\* \| \*\*0\.\d{3}\*\* \\\[0\.\d+, 0\.\d+\\\] \|",
        out,
        re.MULTILINE,
    )
    assert re.search(r"^\| \*real\* \| 4\.00 \|", out, re.MULTILINE)


def test_an_alarm_is_marked_and_explained(alarming: Board) -> None:
    out = render([alarming], "markdown")
    assert re.search(r"^\| thief \| (\*\*)?0\.220(\*\*)? \\! \\\[0\.2", out, re.MULTILINE)
    assert "\n- thief: auc 0.22 (null 0.5): significantly better than the null." in out
    assert "\n- thief (seeds 0, 1): it left files behind\n" in out


def test_foreign_text_is_shown_as_it_is(hostile: Board) -> None:
    out = render([hostile], "markdown")
    for character in "*`<>[]|_#$&~":
        assert not re.search(
            rf"(?<!\\){re.escape(character)}x?script|(?<!\\){re.escape(character)}h ", out
        )
    assert r"\<script\>alert(1)\</script\>" in out
    assert r"\*\*x\*\* \`y\`" in out
    assert r"\$z\$" in out
    assert "\x1b" not in out
    assert out.isprintable() or all(line.isprintable() for line in out.splitlines())


def test_foreign_text_starts_no_line(hostile: Board) -> None:
    for line in render([hostile], "markdown").splitlines():
        assert re.match(r"$|## mitdb|seed 0 · data|Settings: |\| |- ", line), line
