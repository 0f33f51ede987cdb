"""ROC of attacks on logarithmic axes: how many members are caught at few false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.results.pictures.canvas import (
    GREY,
    USUAL,
    blank,
    figure,
    grid_of,
    legend,
    letters,
    style_of,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LEVEL = 0.95
"""Of the band of the null at each number of false alarms."""


class Curve(NamedTuple):
    """An attack on one generator.

    Attributes:
        name: of the generator, as the legend says it.
        false_positives: int64, shape (threshold,), ascending; the last is the number of non-members.
        true_positives: int64, shape (threshold,); the last is the number of members.
    """

    name: str
    false_positives: NDArray[np.int64]
    true_positives: NDArray[np.int64]


def roc(attacks: Sequence[tuple[str, Sequence[Curve]]], *, title: str) -> Figure:
    """Draw a panel for each attack (Carlini et al., IEEE S&P 2022, figure 2).

    The diagonal is an attack without knowledge, and the band its 95% at each number of false alarms: the
    members above so many non-members then have a beta-binomial distribution.

    Args:
        attacks: name and curves of each.
        title: of the picture.
    """
    rows, columns = grid_of(len(attacks), 3)
    names = list(dict.fromkeys(curve.name for _, curves in attacks for curve in curves))
    keys = -(-(len(names) + 1) // KEYS)
    below = 0.55 + 0.19 * keys
    width, height = 0.5 + 2.9 * columns, 0.5 + 2.9 * rows + below
    drawn = figure(width, height)
    axes = drawn.subplots(rows, columns, squeeze=False)
    drawn.subplots_adjust(
        left=0.65 / width,
        right=1 - 0.15 / width,
        bottom=(below + 0.35) / height,
        top=1 - 0.75 / height,
        wspace=0.3,
        hspace=0.38,
    )
    for axis, (attack, curves) in zip(axes.flat, attacks, strict=False):
        _panel(axis, curves, names)
        axis.set_title(letters(attack), fontsize=USUAL, parse_math=False)
    blank(axes.flat[len(attacks) :])
    handles = [
        axes[0, 0].plot([], [], label=letters(name), **style_of(number))[0]
        for number, name in enumerate(names)
    ]
    handles += axes[0, 0].plot([], [], color=GREY, lw=6, alpha=0.4, label="no leak, 95%")
    legend(drawn, handles, KEYS)
    drawn.suptitle(letters(title), y=1 - 0.12 / height, va="top", fontsize=10, parse_math=False)
    return drawn


KEYS = 4
"""Names in a line of the legend."""


def _panel(axis: Axes, curves: Sequence[Curve], names: list[str]) -> None:
    members = int(max(curve.true_positives[-1] for curve in curves))
    others = int(max(curve.false_positives[-1] for curve in curves))
    _null(axis, members, others)
    for curve in curves:
        x = np.maximum(curve.false_positives, 0.5) / curve.false_positives[-1]
        y = np.maximum(curve.true_positives, 0.5) / curve.true_positives[-1]
        axis.plot(x, y, lw=1.4, drawstyle="steps-post", **style_of(names.index(curve.name)))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(0.7 / others, 1.05)
    axis.set_ylim(0.7 / max(members, others), 1.05)
    axis.set_xlabel("false-positive rate (non-members)", fontsize=USUAL)
    axis.set_ylabel("true-positive rate (members)", fontsize=USUAL)
    axis.set_aspect("equal", adjustable="box")
    tidy(axis)


def _null(axis: Axes, members: int, others: int) -> None:
    from scipy.stats import betabinom  # noqa: PLC0415 - a second

    count = np.unique(np.geomspace(1, others, 60).astype(np.int64))
    low, high = (
        betabinom.ppf(tail, members, count, others + 1 - count) / members
        for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    )
    axis.fill_between(
        count / others, np.maximum(low, 0.2 / members), high, color=GREY, alpha=0.35, lw=0
    )
    axis.plot([0.2 / others, 1], [0.2 / others, 1], color=GREY, lw=0.8, ls=":")
