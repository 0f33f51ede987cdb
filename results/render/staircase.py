"""The headline in the terminal: narrow columns below headings that stand on steps, like a staircase.

Names of metrics are longer than their values.  So each heading has a line of its own, which ends above
its column, and a bar leads down to it.  No name is abbreviated or broken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text
from ecgbench.results.render.headline import headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ecgbench.results.board.table import Board
    from ecgbench.results.render.headline import Headline

WIDE = 80
"""Columns of the narrowest usual terminal; a wider one gets no wider table."""

INDENT = "  "
"""Before the further lines of a long name."""


def show_headline(board: Board, labels: list[str], console: Console) -> list[str]:
    """Print the headline of a board, and return the labels of the metrics that had room.

    Args:
        board: to print.
        labels: of the metrics.
        console: at least as wide as a name and one column.
    """
    width = min(WIDE, console.width)
    while True:
        shown = headline(board, labels)
        widths = _widths(shown)
        room = width - sum(2 + each for each in widths)
        names = {row.label: broken(text.name(row), room) for row, _, _ in shown.rows}
        longest = max((cell_len(line) for lines in names.values() for line in lines), default=0)
        if longest <= room or not labels:
            break
        labels = labels[:-1]
    left = max(longest, *(len(each) for each in ("generator",)))
    heads = [
        *map(plain, shown.ranks),
        *(text.heading(k, board.metrics[k], board.audit.get(k)) for k in labels),
    ]
    for line in steps(heads, widths, left):
        console.print(Text(line, style="cyan"), soft_wrap=True)
    _rule(left + sum(2 + each for each in widths), console)
    ends = {len(board.competitors), len(board.rows) - len(board.shown)}
    for place, (row, ranks, values) in enumerate(shown.rows):
        if place in ends and place:
            _rule(left + sum(2 + each for each in widths), console)
        lines = names[row.label]
        style = "italic" if row.generator.reference else ""
        told = Text(_to(lines[0], left), style=style)
        for rank, wide, column in zip(ranks, widths, shown.ranks, strict=False):
            told.append("  " + rank.rjust(wide), "bold" if column == "overall" else "")
        for value, wide, label in zip(values, widths[len(ranks) :], labels, strict=True):
            score = row.scores[label]
            bold = "bold" if text.is_best(score, label, board) else ""
            told.append("  " + value.rjust(wide), "bold red" if text.is_alarm(score) else bold)
        told.rstrip()
        console.print(told, soft_wrap=True)
        for line in lines[1:]:
            console.print(Text(line, style=style), soft_wrap=True)
    return labels


def steps(heads: Sequence[str], widths: Sequence[int], left: int) -> list[str]:
    r"""Return the lines above a table: each heading ends above its column, the last column's first.

    Args:
        heads: of the columns.
        widths: of the columns, two spaces before each.
        left: the width of the names.

    >>> print("\n".join(steps(["overall", "mmd ↓"], [2, 5], 9)))
                   mmd ↓
          overall      │
    """
    ends = [left + sum(2 + wide for wide in widths[: place + 1]) for place in range(len(widths))]
    lines = []
    for place in reversed(range(len(heads))):
        line = heads[place].rjust(ends[place] - (cell_len(heads[place]) - len(heads[place])))
        for end in ends[place + 1 :]:
            line = _to(line, end - 1) + "│"
        lines.append(line)
    return lines


def broken(name: str, room: int) -> list[str]:
    """Return a name in lines, broken before a setting or a mark, or else after a hyphen; never in a word.

    >>> broken("virtual-people:shrinkage=0.0", 20)
    ['virtual-people', '  :shrinkage=0.0']
    >>> broken("gmm (submitted)", 30)
    ['gmm (submitted)']
    >>> broken("fourier-diffusion", 12)
    ['fourier-', '  diffusion']
    """
    if cell_len(name) <= room:
        return [name]
    lines = _joined(re.findall(r"[ :]?[^ :]+", name), room)
    if max(map(cell_len, lines)) > room:
        lines = _joined(re.findall(r"[ :]?[^ :-]+-?|-", name), room)
    return lines


def _joined(parts: list[str], room: int) -> list[str]:
    lines = [""]
    for part in parts:
        if lines[-1].strip() and cell_len(lines[-1] + part) > room:
            lines.append(INDENT + part.lstrip())
        else:
            lines[-1] += part
    return lines


def _widths(shown: Headline) -> list[int]:
    """Return the widths of the columns: of ranks, then of values."""
    ranks = [[ranks[place] for _, ranks, _ in shown.rows] for place in range(len(shown.ranks))]
    values = [[of[place] for _, _, of in shown.rows] for place in range(len(shown.labels))]
    return [max(map(cell_len, column), default=1) for column in (*ranks, *values)]


def _to(line: str, width: int) -> str:
    return line + " " * (width - cell_len(line))


def _rule(width: int, console: Console) -> None:
    console.print(Text("─" * width, style="dim"), soft_wrap=True)
