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
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
"""Of the classes; told apart in every kind of colour vision (Okabe, Ito, 2008)."""

MASS = (0.95, 0.75, 0.5, 0.25)
"""Shares of the points that the contours enclose."""

FEWEST = 20
"""Points that a class needs for contours: fewer would show where single ones lie."""


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

    A grey outline in both panels encloses 95% of the real points.

    Args:
        real: the left panel.
        synthetic: the right panel.
        axes: names of the axes.
        classes: names of the labels.
        ticks: whether the axes' numbers mean something.

    Returns:
        A PNG file, the same bytes every time.
    """
    figure = Figure(figsize=(7.2, 4.0), dpi=200, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    limits = _limits(real.points, synthetic.points)
    colours = _colours(len(classes))
    outline = _density(real.points, limits)
    for panel, cloud in zip(panels, (real, synthetic), strict=True):
        _outline(panel, outline, limits)
        # rare classes last, on top
        for c in np.argsort(-np.bincount(cloud.labels, minlength=len(classes)), kind="stable"):
            points = cloud.points[cloud.labels == c]
            if cloud.hidden and len(points) >= FEWEST:
                _contours(panel, points, limits, colours[c])
            elif len(points) and not cloud.hidden:
                panel.scatter(
                    *points.T, s=5, color=colours[c], alpha=0.55, linewidths=0, rasterized=True
                )
        panel.set_title(cloud.title, fontsize=10)
        panel.set_xlabel(axes[0], fontsize=9)
        panel.set_xlim(*limits[0])
        panel.set_ylim(*limits[1])
        panel.tick_params(labelsize=8)
        if not ticks:
            panel.set_xticks([])
            panel.set_yticks([])
    panels[0].set_ylabel(axes[1], fontsize=9)
    _legend(figure, classes, colours)
    file = BytesIO()
    canvas.print_figure(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _legend(figure: Figure, classes: tuple[str, ...], colours: list[str]) -> None:
    dot = {"marker": "o", "markersize": 5, "linestyle": "none"}
    handles = [
        Line2D([], [], color=colour, label=name, **dot)
        for name, colour in zip(classes, colours, strict=True)
    ]
    handles.append(Line2D([], [], color="0.45", linewidth=0.9, label="95% of real"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 8),
        frameon=False,
        fontsize=9,
        handletextpad=0.4,
    )


def _colours(count: int) -> list[str]:
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    from matplotlib.colors import to_hex  # noqa: PLC0415 - for datasets of many classes

    return [to_hex(colour) for colour in colormaps["turbo"](np.linspace(0.05, 0.95, count))]


def _limits(
    real: NDArray[np.float64], synthetic: NDArray[np.float64]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes: all but the outermost .2% of the real points and 1% of the synthetic ones."""
    low = np.minimum(np.quantile(real, 0.002, axis=0), np.quantile(synthetic, 0.01, axis=0))
    high = np.maximum(np.quantile(real, 0.998, axis=0), np.quantile(synthetic, 0.99, axis=0))
    margin = 0.06 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


Limits = tuple[tuple[float, float], tuple[float, float]]


def _density(points: NDArray[np.float64], limits: Limits) -> NDArray[np.float64]:
    """A kernel estimate on a grid of 200 × 200, its kernel a fiftieth of the axes wide; rows are y."""
    counts, _, _ = np.histogram2d(*points.T, bins=200, range=limits)
    smooth: NDArray[np.float64] = gaussian_filter(counts.T, sigma=4)
    return smooth


def _levels(density: NDArray[np.float64], masses: tuple[float, ...]) -> list[float]:
    """The densities above which these shares of the mass lie, ascending."""
    falling = np.sort(density.ravel())[::-1]
    mass = np.cumsum(falling) / max(falling.sum(), 1e-300)
    levels = {float(falling[min(np.searchsorted(mass, m), len(mass) - 1)]) for m in masses}
    return sorted(level for level in levels if level > 0)


def _outline(panel: Axes, density: NDArray[np.float64], limits: Limits) -> None:
    if levels := _levels(density, MASS[:1]):
        x, y = (np.linspace(*axis, 401)[1::2] for axis in limits)
        panel.contour(x, y, density, levels=levels, colors="0.45", linewidths=0.9)


def _contours(panel: Axes, points: NDArray[np.float64], limits: Limits, colour: str) -> None:
    density = _density(points, limits)
    if levels := _levels(density, MASS):
        x, y = (np.linspace(*axis, 401)[1::2] for axis in limits)
        panel.contour(x, y, density, levels=levels, colors=colour, linewidths=0.8)
