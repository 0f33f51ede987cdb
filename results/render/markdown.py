"""The boards as Markdown: the headline, a table of ranks, and one for each family."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text
from ecgbench.results.render.headline import headline

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board, Row


def to_markdown(boards: list[Board]) -> str:
    """Return the boards, one after the other."""
    return "\n".join(_board(board) for board in boards)


def _board(board: Board) -> str:
    parts = [f"## {safe(text.title(board))}\n", f"{safe(text.facts(board))}\n"]
    if settings := text.settings(board):
        parts.append(f"Settings: {safe(settings)}\n")
    if board.headline:
        parts.append(headline_of(board))
    shown = headline(board).ranks if board.headline else []
    if columns := [column for column in text.rank_columns(board) if column not in shown]:
        ranks = [
            [safe(text.name(row)), *(str(row.ranks[column]) for column in columns)]
            for row in board.competitors
        ]
        parts.append(_table(["rank", *columns], ranks))
    for family in text.families(board):
        metrics = text.of_family(board, family)
        marks = board.audit
        head = [family, *(text.heading(k, metric, marks.get(k)) for k, metric in metrics.items())]
        rows = [_scores(row, list(metrics), board) for row in board.rows]
        parts.append(_table(head, rows))
    parts += [f"- {safe(line)}" for line in text.notes(board)]
    return "\n".join(parts) + "\n"


def headline_of(board: Board) -> str:
    """Return the headline of a board as one table: ranks, and the values of at most six metrics."""
    shown = headline(board)
    head = [
        "generator",
        *shown.ranks,
        *(text.heading(k, board.metrics[k], board.audit.get(k)) for k in shown.labels),
    ]
    rows = []
    for row, ranks, values in shown.rows:
        cells = [
            f"**{value}**" if text.is_best(row.scores[label], label, board) else safe(value)
            for label, value in zip(shown.labels, values, strict=True)
        ]
        name = safe(text.name(row))
        rows.append([f"*{name}*" if row.generator.reference else name, *ranks, *cells])
    return _table(head, rows)


def _scores(row: Row, labels: list[str], board: Board) -> list[str]:
    name = safe(text.name(row))
    cells = [f"*{name}*" if row.generator.reference else name]
    for label in labels:
        score = row.scores[label]
        shown = text.value(score)
        if text.is_best(score, label, board):
            shown = f"**{shown}**"
        cells.append(f"{shown} {safe(text.beside(score, board))}".strip())
    return cells


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [
        [safe(plain(cell)) for cell in head],
        ["---", *["---:"] * (len(head) - 1)],
        *rows,
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def safe(line: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&$])", r"\\\1", line)
