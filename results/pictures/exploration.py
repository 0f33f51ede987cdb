"""Pictures of a dataset: who has how many windows, heart rates, amplitudes and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.pictures.canvas import (
    COLOURS,
    SMALL,
    USUAL,
    blank,
    figure,
    grid_of,
    letters,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oo")
"""Of classes: told apart in greys too."""


class Histogram(NamedTuple):
    """A histogram.

    Attributes:
        title: above it.
        unit: of the values.
        edges: of the bins.
        counts: in each bin.
    """

    title: str
    unit: str
    edges: Sequence[float]
    counts: Sequence[int]


def histograms(found: Sequence[Histogram]) -> Figure:
    """Draw histograms beside each other."""
    rows, columns = grid_of(len(found))
    drawn = figure(2.3 * columns, 1.8 * rows, layout="constrained")
    axes = drawn.subplots(rows, columns, squeeze=False)
    for axis, each in zip(axes.flat, found, strict=False):
        axis.stairs(each.counts, each.edges, fill=True, color=COLOURS[0], alpha=0.75)
        axis.set_title(letters(each.title), fontsize=USUAL, parse_math=False)
        axis.set_xlabel(letters(each.unit), fontsize=SMALL, parse_math=False)
        axis.set_yticks([])
        axis.margins(x=0)
        tidy(axis)
        axis.spines["left"].set_visible(False)
    blank(axes.flat[len(found) :])
    return drawn


def people(names: Sequence[str], counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """Draw a bar for each person, with a part for each class, the person with the most windows first.

    Args:
        names: of the people.
        counts: for each person, windows of each class.
        classes: names.
    """
    table = np.array(counts, dtype=float).reshape(len(names), len(classes))
    order = np.argsort(-table.sum(axis=1), kind="stable")
    drawn = figure(9.2, 2.6, layout="constrained")
    axis: Axes = drawn.subplots()
    below = np.zeros(len(names))
    for label, name in enumerate(classes):
        own = table[order, label]
        axis.bar(
            range(len(names)),
            own,
            bottom=below,
            width=1.0 if len(names) > 100 else 0.8,
            color=COLOURS[label % len(COLOURS)],
            hatch=HATCHES[label % len(HATCHES)],
            edgecolor="white",
            lw=0,
            label=letters(name),
        )
        below += own
    axis.margins(x=0.01)
    axis.set_ylabel("windows", fontsize=SMALL)
    tidy(axis)
    if len(names) <= 60:
        axis.set_xticks(range(len(names)), [letters(names[k]) for k in order], rotation=90)
        axis.tick_params(axis="x", labelsize=6, length=0)
    else:
        axis.set_xlabel(f"{len(names)} people", fontsize=SMALL)
    made = axis.legend(frameon=False, fontsize=SMALL, ncols=min(8, len(classes)), loc="upper right")
    for text in made.get_texts():
        text.set_parse_math(False)
    return drawn


def leads(names: Sequence[str], panels: Sequence[tuple[str, Sequence[Sequence[float]]]]) -> Figure:
    """Draw the quantiles of each lead: a line from 5% to 95%, a bar from 25% to 75%, a mark at the median.

    Args:
        names: of the leads.
        panels: title, and for each lead the five quantiles; none for a lead without values.
    """
    drawn = figure(9.2, 0.9 + 0.22 * len(names), layout="constrained")
    axes = drawn.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (title, quantiles) in zip(axes, panels, strict=True):
        for place, each in enumerate(quantiles):
            if each:
                low, left, middle, right, high = each
                axis.plot([low, high], [place, place], color=COLOURS[0], lw=1)
                axis.plot([left, right], [place, place], color=COLOURS[0], lw=5, alpha=0.6)
                axis.plot(middle, place, "o", color="black", ms=3.5)
        axis.set_title(letters(title), fontsize=USUAL, parse_math=False)
        axis.set_xlim(left=0)
        tidy(axis)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    axes[0].set_yticks(range(len(names)), [letters(name) for name in names])
    for text in axes[0].get_yticklabels():
        text.set_parse_math(False)
    return drawn
