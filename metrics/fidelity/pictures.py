"""Pictures of two clouds of points side by side: real and synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import gaussian_filter, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

Limits = tuple[tuple[float, float], tuple[float, float]]
"""Limits of the x axis and of the y axis."""

COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of the classes, distinct in every kind of colour vision (Okabe, Ito, 2008)."""

MASS = (0.95, 0.5)
"""Shares of the points within the contours."""

FEWEST = 10
"""Least number of points for contours of a class, and for each of their islands."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """Points of one side.

    Attributes:
        title: above its panel.
        points: shape (n, 2).
        labels: int64, shape (n,), the class of each.
        hidden: whether contours of their density stand for the points.
    """

    title: str
    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    hidden: bool


def side_by_side(
    real: Cloud, synthetic: Cloud, *, axes: tuple[str, str], classes: tuple[str, ...], ticks: bool
) -> bytes:
    """Draw real points beside synthetic ones on equal axes, coloured by class.

    A grey outline in both panels encloses 95% of the real points, but for small islands.

    Args:
        real: the left panel.
        synthetic: the right panel.
        axes: names of the axes.
        classes: names of the labels.
        ticks: whether to show the numbers on the axes.

    Returns:
        A PNG file, the same bytes every time.
    """
    figure = Figure(figsize=(7.2, 4.0), dpi=200, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    limits = _limits(real.points, synthetic.points)
    colours = _colours(len(classes))
    for panel, cloud in zip(panels, (real, synthetic), strict=True):
        _contours(panel, real.points, limits, MASS[:1], "0.45")
        # rare classes last, on top
        for c in np.argsort(-np.bincount(cloud.labels, minlength=len(classes)), kind="stable"):
            points = cloud.points[cloud.labels == c]
            if not cloud.hidden:
                panel.scatter(*points.T, s=6, color=colours[c], alpha=0.6, linewidths=0)
            elif len(points) >= FEWEST:
                _contours(panel, points, limits, MASS, colours[c])
        panel.set_title(cloud.title, fontsize=10)
        panel.set_xlabel(axes[0], fontsize=9)
        panel.set_xlim(*limits[0])
        panel.set_ylim(*limits[1])
        panel.tick_params(labelsize=8)
        if not ticks:
            panel.set_xticks([])
            panel.set_yticks([])
    panels[0].set_ylabel(axes[1], fontsize=9)
    _legend(figure, classes, colours, contours=real.hidden or synthetic.hidden)
    file = BytesIO()
    canvas.print_figure(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _legend(
    figure: Figure, classes: tuple[str, ...], colours: list[str], *, contours: bool
) -> None:
    handles = [
        Line2D([], [], color=colour, label=name, marker="o", markersize=5, linestyle="none")
        for name, colour in zip(classes, colours, strict=True)
    ]
    handles.append(Line2D([], [], color="0.45", linewidth=0.9, label="95% region of real"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 8),
        frameon=False,
        fontsize=9,
        handletextpad=0.4,
        title="contours enclose 95% and 50% of a class" if contours else None,
        title_fontsize=9,
    )


def _colours(count: int) -> list[str]:
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    from matplotlib.colors import to_hex  # noqa: PLC0415 - for datasets of many classes

    return [to_hex(colour) for colour in colormaps["turbo"](np.linspace(0.05, 0.95, count))]


def _limits(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> Limits:
    """Return the limits of both axes: all but the outermost .2% of real and 1% of synthetic points."""
    low = np.minimum(np.quantile(real, 0.002, axis=0), np.quantile(synthetic, 0.01, axis=0))
    high = np.maximum(np.quantile(real, 0.998, axis=0), np.quantile(synthetic, 0.99, axis=0))
    margin = 0.06 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _contours(
    panel: Axes,
    points: NDArray[np.float64],
    limits: Limits,
    masses: tuple[float, ...],
    colour: str,
) -> None:
    """Draw contours about these shares of the points, by a kernel estimate 2% of the axes wide.

    Islands of fewer than `FEWEST` points are left out: they would show the place of single ones.
    """
    edges = [np.linspace(*axis, 201) for axis in limits]
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=edges)
    density = gaussian_filter(counts, sigma=4)
    falling = np.sort(density.ravel())[::-1]
    reached = np.searchsorted(np.cumsum(falling), np.array(masses) * falling.sum())
    levels = np.unique(falling[np.minimum(reached, falling.size - 1)])
    for level in levels:
        islands, _ = label(density > level)
        small = np.bincount(islands.ravel(), weights=counts.ravel()) < FEWEST
        small[0] = False  # the sea
        density[small[islands]] = 0.999 * level
    levels = levels[(levels > 0) & (levels < density.max())]
    if levels.size:
        x, y = ((edge[:-1] + edge[1:]) / 2 for edge in edges)
        panel.contour(x, y, density.T, levels=levels, colors=colour, linewidths=0.9)
