"""Two rows of a board, metric by metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecgbench.results.pictures.canvas import (
    BLUE,
    GREY,
    LARGE,
    SMALL,
    VERMILION,
    figure,
    legend,
    letters,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

STYLES = {
    "A better": (BLUE, "o", BLUE),
    "B better": (VERMILION, "s", VERMILION),
    "no difference seen": (GREY, "o", "white"),
    "not tested": (GREY, "d", "white"),
}
"""Colour, mark and inside by verdict."""


class Effect(NamedTuple):
    """One metric.

    Attributes:
        metric: its label.
        family: its family.
        value: the difference in favour of A, 1 for the range of the reference rows.
        low: lower end of the interval, in the same unit; None without one.
        high: the upper end.
        verdict: a name in `STYLES`.
    """

    metric: str
    family: str
    value: float
    low: float | None
    high: float | None
    verdict: str


def effects(found: Sequence[Effect], *, a: str, b: str, title: str) -> Figure:
    """Draw a line for each metric: to the right A is better, to the left B.

    Args:
        found: by metric, the families together.
        a: name of one row.
        b: name of the other.
        title: of the picture.
    """
    families = list(dict.fromkeys(each.family for each in found))
    places, names, y = [], [], 0.0
    heads: list[tuple[float, str]] = []
    for family in families:
        heads.append((y, family))
        for each in found:
            if each.family == family:
                y += 1
                places.append(y)
                names.append(each)
        y += 1
    high = 1.5 + 0.17 * y
    drawn = figure(7, high)
    axis = drawn.add_axes((0.33, 0.85 / high, 0.63, 1 - 1.45 / high))
    axis.axvline(0, color="#444", lw=0.8)
    most = max(1.0, *(abs(each.value) for each in found))
    for place, each in zip(places, names, strict=True):
        colour, mark, inside = STYLES[each.verdict]
        if each.low is not None and each.high is not None:
            axis.plot([each.low, each.high], [place, place], color=colour, lw=1.2)
        axis.plot(each.value, place, mark, color=colour, mfc=inside, ms=5)
    axis.set_ylim(y - 0.4, -0.7)
    axis.set_xlim(-1.25 * min(most, 3), 1.25 * min(most, 3))
    axis.set_yticks(places, [letters(each.metric) for each in names])
    for at, family in heads:
        axis.text(
            -0.02, at, letters(family), transform=axis.get_yaxis_transform(), ha="right",
            va="center", fontsize=SMALL, fontweight="bold", parse_math=False,
        )  # fmt: skip
    tidy(axis)
    axis.tick_params(axis="y", length=0)
    for text in axis.get_yticklabels():
        text.set_parse_math(False)
    axis.set_xlabel(
        f"← {letters(b)} better      effect (1: from noise to real)      {letters(a)} better →",
        fontsize=SMALL,
        parse_math=False,
    )
    said = {"A better": f"{a} better", "B better": f"{b} better"}
    handles = [
        axis.plot([], [], mark, color=colour, mfc=inside, ms=5, label=letters(said.get(key, key)))[
            0
        ]
        for key, (colour, mark, inside) in STYLES.items()
        if any(each.verdict == key for each in found)
    ]
    legend(drawn, handles, 4)
    drawn.suptitle(letters(title), y=1 - 0.12 / high, va="top", fontsize=LARGE, parse_math=False)
    return drawn
