"""The boards as Markdown: a table of ranks, and one for each family."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecgbench.results.render import text

if TYPE_CHECKING:
    from ecgbench.results.board import Board, Row


def to_markdown(boards: list[Board]) -> str:
    """The boards, one after the other."""
    return "\n".join(_board(board) for board in boards)


def _board(board: Board) -> str:
    parts = [f"## {_safe(text.title(board))}\n"]
    if settings := text.settings(board):
        parts.append(f"Settings that differ from the defaults: {_safe(settings)}\n")
    if columns := text.rank_columns(board):
        rows = [
            [_safe(text.name(row)), *(str(row.ranks.get(c, "–")) for c in columns)]
            for row in board.competitors
        ]
        parts.append(_table(["rank", *columns], rows))
    for family in text.families(board):
        metrics = text.of_family(board, family)
        head = [f"**{_safe(family)}**", *(_safe(text.heading(k, m)) for k, m in metrics.items())]
        rows = [_scores(row, list(metrics), board) for row in board.competitors]
        rows += [_scores(row, list(metrics), board) for row in board.references]
        parts.append(_table(head, rows))
    parts += [f"- {_safe(line)}" for line in text.notes(board)]
    return "\n".join(parts) + "\n"


def _scores(row: Row, labels: list[str], board: Board) -> list[str]:
    shown = _safe(text.name(row))
    cells = [f"*{shown}*" if row.generator.reference else shown]
    for label in labels:
        score = row.scores[label]
        cells.append(f"{text.value(score, len(board.seeds))} {text.interval(score)}".strip())
    return cells


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _safe(line: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&])", r"\\\1", line)
