"""Training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.pictures.canvas import (
    LARGE,
    SMALL,
    USUAL,
    blank,
    figure,
    grid_of,
    letters,
    style_of,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DECADES = 100.0
"""Ratio of the largest to the smallest value from which on an axis is logarithmic."""

MOST_KEYS = 8
"""Lines of a panel with a legend."""


class Line(NamedTuple):
    """A line of a panel.

    Attributes:
        name: in the legend, of the part of a model or of a seed.
        steps: float64, shape (report,).
        values: float64, shape (report,).
    """

    name: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


def curves(panels: Sequence[tuple[str, Sequence[Line]]], *, title: str) -> Figure:
    """Draw a panel for each reported value of each generator.

    Args:
        panels: title and lines of each.
        title: of the picture.
    """
    rows, columns = grid_of(len(panels), 3)
    drawn = figure(2.7 * columns + 0.2, 2.0 * rows + 0.5, layout="constrained")
    axes = drawn.subplots(rows, columns, squeeze=False)
    for axis, (name, lines) in zip(axes.flat, panels, strict=False):
        _panel(axis, lines)
        axis.set_title(letters(name), fontsize=USUAL, parse_math=False)
    blank(axes.flat[len(panels) :])
    drawn.supxlabel("step", fontsize=SMALL)
    drawn.suptitle(letters(title), fontsize=LARGE, parse_math=False)
    return drawn


def _panel(axis: Axes, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines):
        marker = "o" if len(line.steps) < 3 else None
        axis.plot(line.steps, line.values, lw=1.2, marker=marker, ms=4, **style_of(number))
    values = np.concatenate([line.values for line in lines])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() / values.min() > DECADES:
        axis.set_yscale("log")
    tidy(axis)
    if 1 < len(lines) <= MOST_KEYS:
        made = axis.legend(
            axis.lines, [letters(line.name) for line in lines], frameon=False, fontsize=6
        )
        for text in made.get_texts():
            text.set_parse_math(False)
