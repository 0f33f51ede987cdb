"""The boards as HTML for a notebook: everything that came from elsewhere is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecgbench.results.board.table import Board, Row

STYLE = "text-align:right;font-variant-numeric:tabular-nums;border-collapse:collapse;margin:0.6em 0"


def to_html(board: Board) -> str:
    """Return a board: the ranks, a table for each family, and the notes folded away."""
    parts = []
    if columns := text.rank_columns(board):
        ranks = [
            [text.name(row), *(str(row.ranks[column]) for column in columns)]
            for row in board.competitors
        ]
        parts.append(table(["rank", *columns], ranks))
    for family in text.families(board):
        metrics = text.of_family(board, family)
        head = [text.heading(k, metric, board.audit.get(k)) for k, metric in metrics.items()]
        rows = [[text.name(row), *_values(row, metrics, board)] for row in board.rows]
        parts.append(table([plain(family), *head], rows))
    notes = "".join(f"<li>{escape(plain(line))}</li>" for line in text.notes(board))
    parts.append(f"<details><summary>notes</summary><ul>{notes}</ul></details>")
    lines = filter(None, (text.facts(board), text.settings(board)))
    return page(
        text.title(board), [*(f"<div>{escape(plain(each))}</div>" for each in lines), *parts]
    )


def _values(row: Row, metrics: Iterable[str], board: Board) -> list[str]:
    scores = [row.scores[label] for label in metrics]
    return [f"{text.value(score)} {text.beside(score, board)}".strip() for score in scores]


def page(title: str, parts: Iterable[str]) -> str:
    """Return a title above parts that are HTML already."""
    return f"<div><strong>{escape(plain(title))}</strong>{''.join(parts)}</div>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain text; the first column is to the left."""
    lines = [_line(head, "th"), *(_line(row, "td") for row in rows)]
    return f'<table style="{STYLE}">{"".join(lines)}</table>'


def _line(cells: Sequence[str], tag: str) -> str:
    first, *rest = (escape(cell) for cell in cells)
    others = "".join(f"<{tag}>{cell}</{tag}>" for cell in rest)
    return f'<tr><th style="text-align:left">{first}</th>{others}</tr>'
