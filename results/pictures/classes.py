"""The mean window of each class, with a band: real ones and synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.pictures.canvas import (
    BLACK,
    BLUE,
    SMALL,
    USUAL,
    broken,
    legend,
    letters,
    panels,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BAND = (0.1, 0.9)
"""Quantiles of the samples at the edges of a band."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """Windows of one lead.

    Attributes:
        signals: shape (window, sample), mV.
        labels: int64, shape (window,).
    """

    signals: NDArray[np.floating]
    labels: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A line of panels, one for each class.

    Attributes:
        name: of a lead or a generator.
        synthetic: its windows.
        real: the real ones; None if they are not to be shown.
    """

    name: str
    synthetic: Side
    real: Side | None


def classes(lines: Sequence[Line], *, names: Sequence[str], rate: float, title: str) -> Figure:
    """Draw the mean of each class, and the band of 80% of the samples about it.

    Args:
        lines: of panels, from above.
        names: of the classes.
        rate: Hz.
        title: of the picture.
    """
    drawn, axes = panels(len(lines), len(names), 1.9, 1.5, title=title)
    for row, line in zip(axes, lines, strict=True):
        for label, axis in enumerate(row):
            _panel(axis, line, label, rate)
            if axis in axes[0]:
                axis.set_title(letters(names[label]), fontsize=USUAL, parse_math=False)
        row[0].set_ylabel(
            "\n".join(broken(f"{line.name}, mV", 22)), fontsize=USUAL, parse_math=False
        )
    for axis in axes[-1]:
        axis.set_xlabel("seconds", fontsize=SMALL)
    handles = [axes[0, 0].plot([], [], color=BLUE, ls="--", label="synthetic: mean, 10% to 90%")[0]]
    if any(line.real is not None for line in lines):
        handles += axes[0, 0].plot([], [], color=BLACK, label="real (control)")
    legend(drawn, handles, 2)
    return drawn


def _panel(axis: Axes, line: Line, label: int, rate: float) -> None:
    counts = []
    sides = [("real", line.real, BLACK, "-"), ("synthetic", line.synthetic, BLUE, "--")]
    for name, side, colour, dashes in sides:
        if side is None:
            continue
        own = side.signals[side.labels == label]
        counts.append(f"{len(own)} {name}")
        if not len(own):
            continue
        time = np.arange(own.shape[1]) / rate
        low, high = np.quantile(own, BAND, axis=0)
        axis.fill_between(time, low, high, color=colour, alpha=0.22, lw=0)
        axis.plot(time, own.mean(axis=0, dtype=float), color=colour, ls=dashes, lw=1.2)
    axis.text(
        0.02, 0.98, ", ".join(counts), transform=axis.transAxes, va="top", fontsize=6, color="#555"
    )
    axis.margins(x=0)
    tidy(axis)
