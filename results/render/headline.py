"""The headline of a board as text: ranks and at most six values, for all renderings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text
from ecgbench.results.store.states import NOT_RUN

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board, BoardScore, Row

STATES = {"failed": "failed", "todo": "to do", "skipped": "–"}

FEWER = "*"
"""Beside a value of fewer seeds than the board's."""


@dataclass(frozen=True)
class Headline:
    """The headline as text.

    Attributes:
        ranks: names of the columns of ranks; none without two competitors.
        labels: of the metrics.
        rows: of the board, each with its ranks and its values.
    """

    ranks: list[str]
    labels: list[str]
    rows: list[tuple[Row, list[str], list[str]]]


def headline(board: Board, labels: list[str] | None = None) -> Headline:
    """Return the headline of a board; the values of a column share their decimals.

    Args:
        board: to show.
        labels: of the metrics; None for the board's own.
    """
    labels = [*board.headline] if labels is None else labels
    ranks = [each for each in text.rank_columns(board) if each != "cost"]
    columns = [_column(board, label) for label in labels]
    return Headline(
        ranks=ranks,
        labels=labels,
        rows=[
            (row, [_rank(row, each) for each in ranks], [column[place] for column in columns])
            for place, row in enumerate(board.rows)
        ],
    )


def notes(board: Board, labels: list[str]) -> list[str]:
    """Return sentences on the marks of a headline, on the front, and on what failed."""
    scores = [row.scores[label] for row in board.rows for label in labels]
    lines = []
    if text.rank_columns(board):
        lines.append(
            "Ranks: 1 + the number of significantly better competitors, over all metrics "
            f"({text.behind_ranks(board)}). Bold: nobody is significantly better. Rows below the line "
            "are references."
        )
    elif board.competitors:
        lines.append("No ranks: they need two competitors; ecgbench run --generators names them.")
    if len(board.competitors) > 1 and board.front:
        lines.append(f"On the utility–privacy front: {', '.join(map(plain, board.front))}.")
    if any(score.status != "ok" and score.value is not None for score in scores):
        lines.append(f"{FEWER}: of fewer seeds than the others.")
    if any(map(text.is_alarm, scores)):
        lines.append(f"{text.ALARM}: significantly better than the null, an alarm.")
    if unaudited := [
        plain(label)
        for label in labels
        if board.metrics[label].ranked and board.audit.get(label) != "passes"
    ]:
        lines.append(f"Without a passed audit on such windows: {', '.join(unaudited)}.")
    return [*lines, *_empty(board, labels), *filter(_is_trouble, text.gaps(board))]


def _empty(board: Board, labels: list[str]) -> list[str]:
    """Return a sentence on each reason of the columns without any value."""
    without: dict[str, list[str]] = {}
    for label in labels:
        scores = [row.scores[label] for row in board.rows]
        if all(score.status == "skipped" and score.value is None for score in scores):
            reasons = dict.fromkeys(plain(score.reason) for score in scores)
            without.setdefault("; ".join(reasons), []).append(plain(label))
    return [f"No value of {', '.join(found)}: {reason}." for reason, found in without.items()]


def _is_trouble(gap: str) -> bool:
    """Return whether a gap is more than a score that nobody asked for, or that still runs."""
    return gap.startswith("failed") or (gap.startswith("todo") and NOT_RUN not in gap)


def _rank(row: Row, column: str) -> str:
    return str(row.ranks[column]) if column in row.ranks else "–"


def _column(board: Board, label: str) -> list[str]:
    scores = [row.scores[label] for row in board.rows]
    numbers = text.aligned([score.value for score in scores])
    return [_cell(score, shown) for score, shown in zip(scores, numbers, strict=True)]


def _cell(score: BoardScore, shown: str) -> str:
    if score.value is None:
        return STATES.get(score.status, score.status)
    return shown + text.ALARM * text.is_alarm(score) + FEWER * (score.status != "ok")
