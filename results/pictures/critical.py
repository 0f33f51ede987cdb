"""Average ranks with the critical difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.results.pictures.canvas import figure, letters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def critical(
    ranks: Mapping[str, float], groups: Sequence[Sequence[str]], difference: float, datasets: int
) -> Figure:
    """Draw Demšar's diagram (2006, figure 1): the best to the right, bars join groups without a difference.

    Args:
        ranks: average rank by label, the best first.
        groups: labels without a difference between them.
        difference: the critical one.
        datasets: how many the ranks are over.
    """
    k, bars = len(ranks), [group for group in groups if len(group) > 1]
    depth = 0.5 + 0.22 * len(bars) + 0.45 * -(-k // 2)
    drawn = figure(8, 0.55 * (depth + 2.2))
    axis = drawn.add_axes((0.24, 0, 0.52, 1))
    axis.set_xlim(k, 1)
    axis.set_ylim(-depth, 2.2)
    axis.set_axis_off()
    _scale(axis, k, difference)
    over = f"average overall rank over {datasets} datasets"
    axis.text((k + 1) / 2, 2, over, ha="center", va="center", fontsize=9)
    _names(axis, ranks, 0.5 + 0.22 * len(bars))
    for place, group in enumerate(bars):
        first, last = ranks[group[0]], ranks[group[-1]]
        height = -0.25 - 0.22 * place
        axis.plot([first, last], [height] * 2, color="black", lw=3.5, clip_on=False)
    return drawn


def _scale(axis: Axes, k: int, difference: float) -> None:
    """Draw the axis of average ranks and, above it, the critical difference to scale."""
    axis.plot([1, k], [0, 0], color="black", lw=1, clip_on=False)
    for rank in range(1, k + 1):
        axis.plot([rank, rank], [0, 0.12], color="black", lw=1, clip_on=False)
        axis.text(rank, 0.2, str(rank), ha="center", va="bottom", fontsize=8)
    axis.plot([k, k - difference], [1.1, 1.1], "|-", color="black", lw=1, ms=6, clip_on=False)
    axis.text(k - difference / 2, 1.2, f"CD {difference:.2f}", ha="center", va="bottom", fontsize=8)


def _names(axis: Axes, ranks: Mapping[str, float], below: float) -> None:
    """Draw the better half at the right, the others at the left, each with a line to its rank."""
    k = len(ranks)
    right = -(-k // 2)
    margin = 0.03 * (k - 1)
    for place, (label, rank) in enumerate(ranks.items()):
        at_right = place < right
        row = place if at_right else k - 1 - place
        height, edge = -below - 0.45 * row, 1 - margin if at_right else k + margin
        axis.plot([rank, rank, edge], [0, height, height], color="#555555", lw=0.8, clip_on=False)
        axis.text(
            edge - margin / 3 if at_right else edge + margin / 3,
            height,
            f"{letters(label)}  {rank:.2f}" if at_right else f"{rank:.2f}  {letters(label)}",
            ha="left" if at_right else "right",
            va="center",
            fontsize=9,
            parse_math=False,
        )
