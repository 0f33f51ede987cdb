"""Tables of the terminal: as `rich.table.Table` draws them, but fast where every cell fits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from rich.box import Box
from rich.cells import cell_len
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.style import Style

GAP = 2
"""Spaces between two columns: one of padding, one of the box."""

RULED = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
"""A line under the heading and one between competitors and reference rows."""

Part = tuple[str, str]
"""Text and its style."""


@dataclass
class Grid:
    """A table whose first column names the rows; the others are right-justified.

    A board of 500 rows has 20,000 cells.  Rich wraps, measures and pads each; this needs one string a part.

    Attributes:
        headings: of all columns.
        rows: for each row the parts of its cells; the style of a single part covers its padding too.
        sections: places of rows with a line above.
    """

    headings: list[str]
    rows: list[list[tuple[Part, ...]]] = field(default_factory=list)
    sections: set[int] = field(default_factory=set)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table in one go, or as rich's own where a cell must wrap."""
        widths = self._widths()
        total = sum(widths) + GAP * (len(widths) - 1)
        if total > options.max_width:
            yield self._table()
            return
        dim = console.get_style("dim")
        rule = (Segment("─" * total, dim), Segment.line())
        first, *others = self.headings
        style = cache(console.get_style)
        head = [((first, "bold cyan"),), *(((heading, ""),) for heading in others)]
        yield from _line(head, widths, style)
        yield from rule
        for place, row in enumerate(self.rows):
            if place in self.sections:
                yield from rule
            yield from _line(row, widths, style)

    def _widths(self) -> list[int]:
        """Return the width of each column in terminal cells."""
        widths = [cell_len(heading) for heading in self.headings]
        for row in self.rows:
            for place, cell in enumerate(row):
                width = sum(cell_len(text) for text, _ in cell)
                widths[place] = max(widths[place], width)
        return widths

    def _table(self) -> Table:
        """Return the table with cells that wrap."""
        table = Table(
            box=RULED,
            show_edge=False,
            pad_edge=False,
            padding=(0, GAP - 1, 0, 0),
            header_style="",
            border_style="dim",
        )
        first, *others = self.headings
        table.add_column(Text(first, style="bold cyan"), no_wrap=True, vertical="bottom")
        for heading in others:
            table.add_column(Text(heading), justify="right", vertical="bottom")
        for place, row in enumerate(self.rows):
            if place in self.sections:
                table.add_section()
            table.add_row(*map(_text, row))
        return table


def _line(
    row: Iterable[tuple[Part, ...]], widths: list[int], style: Callable[[str], Style]
) -> Iterable[Segment]:
    """Yield the segments of a line."""
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        if place:
            yield Segment(" ")
            yield Segment(" ", style("dim"))
        for text, name in _padded(cell, width, right=place > 0):
            if text:
                yield Segment(text, style(name))
    yield Segment.line()


def _text(cell: tuple[Part, ...]) -> Text:
    return Text(cell[0][0], style=cell[0][1]) if len(cell) == 1 else Text.assemble(*cell)


def _padded(cell: tuple[Part, ...], width: int, *, right: bool) -> Iterable[Part]:
    """Return the parts of a cell, padded to its width; a single part is padded in its own style.

    Right-justified cells lose the spaces at their end, as in rich.
    """
    if right:
        text, style = cell[-1]
        kept = (*cell[:-1], (text.rstrip(), style))
    else:
        kept = cell
    space = " " * (width - sum(cell_len(text) for text, _ in kept))
    if len(cell) == 1:
        ((text, style),) = kept
        return ((space + text if right else text + space, style),)
    return ((space, ""), *kept) if right else (*kept, (space, ""))
