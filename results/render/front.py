"""A board's rows between utility and privacy, as a picture."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

from ecgbench.results.board.front import AIMS
from ecgbench.results.board.headline import of_family
from ecgbench.results.render import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ecgbench.results.board.table import Board, BoardScore, Row
    from ecgbench.results.pictures.marks import Mark, Side

ORDER = ("on the front", "not on it", "reference row")
"""Of marks: the first is named first."""

NOTE = "On the front: nobody is better over all metrics of utility and privacy, drawn here or not."


def to_png(boards: Sequence[Board]) -> bytes | None:
    """Draw the front as a PNG; None if no board can be drawn."""
    from ecgbench.results.pictures.canvas import to_bytes  # noqa: PLC0415 - a second

    drawn = front(boards)
    return None if drawn is None else to_bytes(drawn)


def front(boards: Sequence[Board]) -> Figure | None:
    """Draw a panel for each board with two competitors or more; better is up and to the right.

    Args:
        boards: of one dataset.

    Returns:
        None if no board can be drawn.
    """
    from ecgbench.results.pictures.marks import Panel, marks  # noqa: PLC0415 - as above

    panels = [
        Panel(title=title(board), x=side(board, labels[0]), y=side(board, labels[1]), marks=found)
        for board in boards
        if (labels := headlines(board)) and (found := _marks(board, labels))
    ]
    return marks(panels, note=NOTE) if panels else None


def headlines(board: Board) -> tuple[str, str] | None:
    """Return the labels of utility's and privacy's metric; None if a family has none with a value."""
    utility, privacy = (of_family(aim, board.metrics, board.rows) for aim in AIMS)
    return None if utility is None or privacy is None else (utility, privacy)


def title(board: Board) -> str:
    """Return the title of a panel: the board, and its settings in a second line."""
    line = text.title(board)
    if settings := text.settings(board):
        line += f"\n{shorten(settings, 80, placeholder=' [...]')}"
    return line


def side(board: Board, label: str) -> Side:
    """Return an axis for a metric: better is to the right, or above."""
    from ecgbench.results.pictures.marks import Side  # noqa: PLC0415 - as above

    metric = board.metrics[label]
    is_reversed = metric.better == "lower"
    how = " (less is better, reversed)" if is_reversed else ""
    return Side(label=f"{metric.family}: {label}{how} →", is_reversed=is_reversed)


def _marks(board: Board, labels: tuple[str, str]) -> list[Mark]:
    """Return the marks, those on the front first; none if fewer than two competitors have both values.

    A picture leaves out unverified rows.
    """
    rows = [*board.competitors, *board.references]
    rows = [row for row in rows if all(row.scores[k].status == "ok" for k in labels)]
    if sum(row.competes for row in rows) < 2:
        return []
    found = [mark(row, [row.scores[k] for k in labels], _kind(board, row)) for row in rows]
    return sorted(found, key=lambda each: ORDER.index(each.kind))


def _kind(board: Board, row: Row) -> str:
    if row.generator.reference:
        return "reference row"
    return "on the front" if row.label in board.front else "not on it"


def mark(row: Row, scores: Sequence[BoardScore], kind: str) -> Mark:
    """Return a row's mark, at the values of two scores."""
    from ecgbench.results.pictures.marks import Mark  # noqa: PLC0415 - as above

    (x, left, right), (y, bottom, top) = (
        (value, value if s.low is None else s.low, value if s.high is None else s.high)
        for s in scores
        if (value := s.value) is not None
    )
    return Mark(
        name=text.name(row) + f" {text.ALARM}" * any(map(text.is_alarm, scores)),
        kind=kind,
        point=(x, y),
        low=(min(x, left), min(y, bottom)),
        high=(max(x, right), max(y, top)),
    )
