"""Cost against quality, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError, suggest
from ecgbench.results.board.headline import of_family
from ecgbench.results.pictures.marks import Panel, Side, marks
from ecgbench.results.render.front import mark, side, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ecgbench.results.board.table import Board

COST = "fit-time"
"""The metric to the right: seconds of the fit."""

FAMILIES = ("utility", "fidelity", "privacy", "diversity")
"""The headline of the first with a value is the quality, if no metric is named."""


def cost(boards: Sequence[Board], metric: str | None = None) -> Figure:
    """Draw a panel for each board: seconds of the fit to the right, quality upwards.

    Args:
        boards: of one dataset.
        metric: label of the quality; None for the headline of utility, else of another family.

    Raises:
        UsageError: no board has the costs of two rows, or there is no such metric.
    """
    panels = [panel for board in boards if (panel := _panel(board, metric))]
    if not panels:
        raise UsageError(f"no board has {COST} and a quality of two generators; score {COST} too")
    return marks(panels)


def _panel(board: Board, metric: str | None) -> Panel | None:
    if metric is not None and metric not in board.metrics:
        raise UsageError(f"the board has no metric {metric!r}; {suggest(metric, board.metrics)}")
    headlines = [of_family(family, board.metrics, board.rows) for family in FAMILIES]
    quality = metric or next(filter(None, headlines), None)
    costs = [label for label, record in board.metrics.items() if record.name == COST]
    if quality is None or not costs:
        return None
    wanted = (costs[0], quality)
    rows = [row for row in board.competitors if all(row.scores[k].status == "ok" for k in wanted)]
    rows = [row for row in rows if (row.scores[costs[0]].value or 0) > 0]
    if len(rows) < 2:
        return None
    return Panel(
        title=title(board),
        x=Side(label="seconds of a fit (wall-clock)", is_log=True),
        y=side(board, quality),
        marks=[mark(row, [row.scores[k] for k in wanted], "generator") for row in rows],
    )
