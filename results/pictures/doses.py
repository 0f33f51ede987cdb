"""How a metric responds to doses of faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecgbench.results.pictures.canvas import blank, figure, grid_of, letters, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "seen": "#009E73",
    "unclear": "#E69F00",
    "blind": "#999999",
    "reversed": "#D55E00",
    "failed": "#000000",
}


class Series(NamedTuple):
    """The response to one fault.

    Attributes:
        title: of its panel.
        unit: of the amounts.
        amounts: ascending, first 0.
        worse: the worsening at each.
        threshold: the work of chance; None if it is unknown.
        response: a name in `COLOURS`.
    """

    title: str
    unit: str
    amounts: Sequence[float]
    worse: Sequence[float]
    threshold: float | None
    response: str


def doses(drawn: Sequence[Series], *, title: str) -> Figure:
    """Draw worsening against dose, a panel for each fault; the band is the work of chance."""
    rows, columns = grid_of(len(drawn))
    made = figure(3 * columns, 2.2 * rows + 0.5, layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False)
    for axis, series in zip(axes.flat, drawn, strict=False):
        _panel(axis, series)
    blank(axes.flat[len(drawn) :])
    made.suptitle(letters(title), fontsize=11, parse_math=False)
    made.supylabel("worse by", fontsize=9)
    return made


def _panel(axis: Axes, series: Series) -> None:
    places = range(len(series.amounts))
    if series.threshold is not None:
        axis.axhspan(-series.threshold, series.threshold, color="#dddddd", lw=0)
    axis.axhline(0, color="#666666", lw=0.6)
    axis.plot(places, series.worse, "o-", color=COLOURS[series.response], ms=4, lw=1.4)
    axis.set_xticks(places, [f"{amount:g}" for amount in series.amounts])
    tidy(axis)
    axis.set_title(letters(series.title), fontsize=9, parse_math=False)
    axis.set_xlabel(letters(series.unit), fontsize=7, parse_math=False)
