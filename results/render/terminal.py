"""The boards in the terminal, with rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import Box
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ecgbench.results.board.board import Board, BoardScore

STYLES = {"failed": "red", "skipped": "dim", "todo": "yellow"}

GAP = 2
"""Spaces between two columns: one of padding, one that the box draws."""

RULED = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
"""A line under the heading and one between competitors and reference rows."""


def show(boards: list[Board], console: Console) -> None:
    """Print the boards, one after the other."""
    for board in boards:
        console.print()
        console.rule(Text(text.title(board), style="bold"), style="dim")
        console.print(Text(text.facts(board), style="dim"), justify="center")
        if settings := text.settings(board):
            console.print(Text(settings, style="dim"), justify="center")
        for table in _tables(board, console.width):
            console.print()
            console.print(table)
        console.print()
        notes = Table.grid(padding=(0, 1))
        for place, line in enumerate(text.notes(board)):
            style = "" if place < len(board.notes) else "dim"
            notes.add_row(Text("·", style=style), Text(line, style=style))
        console.print(notes)


def _tables(board: Board, width: int) -> Iterator[Table]:
    """The ranks, then each family's scores in as many tables as the width asks for."""
    names = max(len(text.name(row)) for row in board.rows)
    if ranked := text.rank_columns(board):
        table = _table("rank", [plain(column) for column in ranked])
        for row in board.competitors:
            ranks = [Text(str(row.ranks[column])) for column in ranked]
            ranks[0].stylize("bold")
            table.add_row(Text(text.name(row)), *ranks)
        yield table
    for family in text.families(board):
        columns, headings = {}, {}
        for label, metric in text.of_family(board, family).items():
            columns[label] = column = _column(board, label)
            heading = text.heading(label, metric, board.audit.get(label))
            headings[label] = text.wrapped(heading, len(column[0]))
        widths = {
            label: max(len(column[0]), *map(len, headings[label]))
            for label, column in columns.items()
        }
        for labels in text.divided(widths, width - names, GAP):
            part = {"\n".join(headings[label]): columns[label] for label in labels}
            yield _scores(board, family, part)


def _scores(board: Board, family: str, columns: dict[str, list[Text]]) -> Table:
    table = _table(family, list(columns))
    ends = (len(board.competitors), len(board.rows) - len(board.shown))
    for place, row in enumerate(board.rows):
        if place and place in ends:
            table.add_section()
        name = Text(text.name(row), style="italic" if row.generator.reference else "")
        table.add_row(name, *(column[place] for column in columns.values()))
    return table


def _table(title: str, columns: list[str]) -> Table:
    table = Table(
        box=RULED,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="",
        border_style="dim",
    )
    table.add_column(Text(plain(title), style="bold cyan"), no_wrap=True, vertical="bottom")
    for column in columns:
        table.add_column(Text(column), justify="right", vertical="bottom")
    return table


def _column(board: Board, label: str) -> list[Text]:
    """A metric's scores, a line for each row, all equally wide: values, then what is beside them."""
    scores = [row.scores[label] for row in board.rows]
    values = max(len(text.value(score)) for score in scores)
    besides = max(len(text.beside(score, board)) for score in scores)
    return [_cell(score, label, board, values, besides) for score in scores]


def _cell(score: BoardScore, label: str, board: Board, values: int, besides: int) -> Text:
    style = STYLES.get(score.status, "")
    value, beside = text.value(score).rjust(values), text.beside(score, board).ljust(besides)
    of_value = "bold" if text.is_best(score, label, board) else style
    if text.is_alarm(score):
        style = of_value = "bold red"
    shown = Text.assemble((value, of_value))
    if besides:
        shown.append(f" {beside}", style=style or "dim")
    return shown
