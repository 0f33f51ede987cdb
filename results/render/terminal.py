"""The boards in the terminal, with rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecgbench.results.render import text

if TYPE_CHECKING:
    from rich.console import Console

    from ecgbench.results.board import Board, BoardScore, Row

STYLES = {"failed": "red", "skipped": "dim", "todo": "yellow"}


def show(boards: list[Board], console: Console) -> None:
    """Print the boards, one after the other."""
    for board in boards:
        console.print()
        console.rule(Text(text.title(board), style="bold"))
        if settings := text.settings(board):
            console.print(Text(f"settings: {settings}", style="dim"))
        if columns := text.rank_columns(board):
            ranks = Table(title="rank", title_justify="left", title_style="bold", box=None)
            ranks.add_column("")
            for column in columns:
                ranks.add_column(column, justify="right")
            for row in board.competitors:
                ranks.add_row(
                    text.name(row), *(str(row.ranks.get(c, "–")) for c in columns), style="bold"
                )
            console.print(ranks)
        for family in text.families(board):
            console.print(_family(board, family))
        for line in text.notes(board):
            console.print(Padding(Text(f"- {line}", style="dim"), (0, 0)))


def _family(board: Board, family: str) -> Table:
    metrics = text.of_family(board, family)
    table = Table(
        title=text.plain(family), title_justify="left", title_style="bold", box=None, padding=(0, 1)
    )
    table.add_column("")
    for label, metric in metrics.items():
        table.add_column(Text(text.heading(label, metric)), justify="right")
    for row in board.competitors:
        table.add_row(Text(text.name(row), style="bold"), *_scores(row, list(metrics), board))
    if board.competitors and board.references:
        table.add_section()
    for row in board.references:
        name = Text(text.name(row), style="italic dim")
        table.add_row(name, *_scores(row, list(metrics), board))
    return table


def _scores(row: Row, labels: list[str], board: Board) -> list[Text]:
    return [_score(row.scores[label], len(board.seeds)) for label in labels]


def _score(score: BoardScore, seeds: int) -> Text:
    shown = Text(text.value(score, seeds), style=STYLES.get(score.status, ""))
    if interval := text.interval(score):
        shown.append(f"\n{interval}", style="dim")
    return shown
