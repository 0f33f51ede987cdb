"""The boards in the terminal, with rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.results.board.headline import MOST_HEADLINE
from ecgbench.results.render import text
from ecgbench.results.render.grid import GAP, Grid
from ecgbench.results.render.headline import notes
from ecgbench.results.render.staircase import show_headline

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rich.console import Console

    from ecgbench.results.board.table import Board, BoardScore
    from ecgbench.results.render.grid import Part

STYLES = {"failed": "red", "skipped": "dim", "todo": "yellow"}


def show(boards: list[Board], console: Console) -> None:
    """Print the boards, one after the other."""
    for board in boards:
        _head(board, console)
        for table in _ranks(board, console.width):
            _print(table, console)
        for family in text.families(board):
            for table in _of(board, family, list(text.of_family(board, family)), console.width):
                _print(table, console)
        console.print()
        _points(text.notes(board), len(board.notes), console)


def show_family(boards: list[Board], family: str, console: Console) -> None:
    """Print the tables of one family, of each board.

    Args:
        boards: to print; one without metrics of the family is left out.
        family: its name.
        console: for them.
    """
    for board in boards:
        if labels := list(text.of_family(board, family)):
            _head(board, console)
            for table in _of(board, family, labels, console.width):
                _print(table, console)
            console.print()
            _points(text.notes(board), len(board.notes), console)


def summarise(boards: list[Board], console: Console, metrics: Collection[str] = ()) -> None:
    """Print the headline of each board: one table of ranks and at most six values, then all failures.

    Args:
        boards: to print.
        console: for them.
        metrics: names of the metrics to print; empty for the headline of the board.
    """
    for board in boards:
        _head(board, console)
        labels = _chosen(board, metrics)
        console.print()
        labels = show_headline(board, labels, console)
        lines = list(map(plain, board.notes))
        if board.settings.get("smoke"):
            lines.append("Smoke settings tell that everything works; their numbers mean nothing.")
        console.print()
        _points([*lines, *notes(board, labels)], len(lines), console)


def _chosen(board: Board, metrics: Collection[str]) -> list[str]:
    """Return the labels of the metrics of a summary."""
    if metrics:
        labels = [label for label, metric in board.metrics.items() if metric.name in metrics]
        return labels[:MOST_HEADLINE]
    return [*board.headline]


def _head(board: Board, console: Console) -> None:
    console.print()
    console.rule(Text(text.title(board), style="bold"), style="dim")
    console.print(Text(text.facts(board), style="dim"), justify="center")
    if settings := text.settings(board):
        console.print(Text(settings, style="dim"), justify="center")


def _print(table: Grid, console: Console) -> None:
    console.print()
    console.print(table)


def _points(lines: list[str], loud: int, console: Console) -> None:
    """Print a point for each line; the first few stand out."""
    points = Table.grid(padding=(0, 1))
    for place, line in enumerate(lines):
        style = "" if place < loud else "dim"
        points.add_row(Text("·", style=style), Text(line, style=style))
    console.print(points)


def _room(board: Board, width: int) -> int:
    """Return the columns beside the names of rows."""
    return width - max(len(text.name(row)) for row in board.rows)


def _ranks(board: Board, width: int) -> Iterator[Grid]:
    """Yield the ranks, in as many tables as the width needs."""
    widths = {column: len(plain(column)) for column in text.rank_columns(board)}
    for columns in text.divided(widths, _room(board, width), GAP):
        table = Grid(["rank", *map(plain, columns)])
        for row in board.competitors:
            ranks = [
                ((str(row.ranks[column]), "bold" if column == "overall" else ""),)
                for column in columns
            ]
            table.rows.append([((text.name(row), ""),), *ranks])
        yield table


def _of(board: Board, title: str, labels: list[str], width: int) -> Iterator[Grid]:
    """Yield the scores by these metrics, in as many tables as the width needs."""
    columns = {label: _column(board, label) for label in labels}
    headings = {
        label: text.heading(label, board.metrics[label], board.audit.get(label)) for label in labels
    }
    widths = {
        label: max(sum(len(part) for part, _ in columns[label][0]), len(headings[label]))
        for label in labels
    }
    for group in text.divided(widths, _room(board, width), GAP):
        yield _scores(board, title, {headings[label]: columns[label] for label in group})


def _scores(board: Board, family: str, columns: dict[str, list[tuple[Part, ...]]]) -> Grid:
    """Return a table of these columns, by heading."""
    table = Grid([plain(family), *columns])
    ends = (len(board.competitors), len(board.rows) - len(board.shown))
    table.sections = {place for place in ends if 0 < place < len(board.rows)}
    for place, row in enumerate(board.rows):
        name = (text.name(row), "italic" if row.generator.reference else "")
        table.rows.append([(name,), *(column[place] for column in columns.values())])
    return table


def _column(board: Board, label: str) -> list[tuple[Part, ...]]:
    """Return a metric's scores, a line for each row, all equally wide: values, then intervals or seeds."""
    scores = [row.scores[label] for row in board.rows]
    values = [text.value(score) for score in scores]
    besides = [text.beside(score, board) for score in scores]
    wide, wide_beside = max(map(len, values)), max(map(len, besides))
    return [
        _cell(score, label, board, value.rjust(wide), beside.ljust(wide_beside))
        for score, value, beside in zip(scores, values, besides, strict=True)
    ]


def _cell(score: BoardScore, label: str, board: Board, value: str, beside: str) -> tuple[Part, ...]:
    """Return a score's value and the text beside it, with their styles."""
    style = STYLES.get(score.status, "")
    of_value = "bold" if text.is_best(score, label, board) else style
    if text.is_alarm(score):
        style = of_value = "bold red"
    return ((value, of_value), (f" {beside}" if beside else "", style or "dim"))
