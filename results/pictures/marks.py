"""Rows between two scores: a mark each, with its intervals and its name at a free place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecgbench.results.pictures.canvas import GREY, LARGE, USUAL, figure, letters, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

STYLES = {  # colour, of the inside, of the name
    "on the front": ("#0072B2", "#0072B2", "#0072B2"),
    "not on it": (GREY, GREY, "#555555"),
    "reference row": (GREY, "white", "#555555"),
    "generator": ("#0072B2", "#0072B2", "#0072B2"),
}
FONTS: dict[str, dict[str, str]] = {
    "on the front": {"fontweight": "bold"},
    "not on it": {},
    "reference row": {"fontstyle": "italic"},
    "generator": {},
}
BESIDE = [(x, y) for y in (8, -8, 0, 16, -16, 25, -25, 34, -34) for x in (6, -6)]
"""Places for a name, in points from its mark; the nearest first."""


@dataclass(frozen=True)
class Mark:
    """A row on the picture, with the value and interval of each axis.

    Attributes:
        name: beside it.
        kind: a name in `STYLES`.
        point: value on each axis.
        low: lower ends of the intervals.
        high: upper ends.
    """

    name: str
    kind: str
    point: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Side:
    """An axis.

    Attributes:
        label: its name.
        is_reversed: whether less is to the right, or above.
        is_log: whether it is logarithmic.
    """

    label: str
    is_reversed: bool = False
    is_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel.

    Attributes:
        title: above it.
        x: its axis to the right.
        y: its axis upwards.
        marks: the most important first.
    """

    title: str
    x: Side
    y: Side
    marks: Sequence[Mark]


def marks(panels: Sequence[Panel], *, note: str = "") -> Figure:
    """Draw panels below each other, and a note on the kinds of marks below all."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - a second

    drawn = figure(7, 0.4 + 5 * len(panels), dpi=110, layout="constrained")
    axes = drawn.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _panel(axis, panel)
    used = {mark.kind for panel in panels for mark in panel.marks}
    handles = [
        Line2D([], [], marker="o", ls="", color=colour, mfc=inside, label=kind)
        for kind, (colour, inside, _) in STYLES.items()
        if kind in used
    ]
    if len(handles) > 1:
        place: Any = "outside lower center"  # matplotlib's types lack it
        drawn.legend(
            handles=handles,
            loc=place,
            ncols=3,
            frameon=False,
            fontsize=8,
            title=note,
            title_fontsize=8,
        )
    drawn.draw_without_rendering()  # names go to free places, so the layout comes first
    for axis, panel in zip(axes, panels, strict=True):
        _name(axis, panel.marks)
    return drawn


def _panel(axis: Axes, panel: Panel) -> None:
    for mark in reversed(panel.marks):
        colour, inside, _ = STYLES[mark.kind]
        (x, y), (left, bottom), (right, top) = mark.point, mark.low, mark.high
        axis.plot([left, right], [y, y], color=colour, lw=0.8, alpha=0.8)
        axis.plot([x, x], [bottom, top], color=colour, lw=0.8, alpha=0.8)
        axis.plot(x, y, "o", color=colour, mfc=inside, ms=6)
    if panel.x.is_log:
        axis.set_xscale("log")
    if panel.y.is_log:
        axis.set_yscale("log")
    for side, line in ((panel.x, axis.xaxis), (panel.y, axis.yaxis)):
        line.set_inverted(side.is_reversed)
        line.set_label_text(letters(side.label), parse_math=False)
    axis.set_title(
        "\n".join(map(letters, panel.title.splitlines())), fontsize=LARGE, parse_math=False
    )
    axis.margins(0.12)
    tidy(axis)
    axis.tick_params(labelsize=USUAL)


# --- names -------------------------------------------------------------------------------------


def _name(axis: Axes, marks: Sequence[Mark]) -> None:
    """Put each name at the place beside its mark with the least covered, with a line to a far one."""
    taken = [box for mark in marks for box in _boxes(axis, mark)]
    for mark in marks:
        colour, _, of_name = STYLES[mark.kind]
        name = axis.annotate(
            letters(mark.name),
            mark.point,
            xytext=BESIDE[0],
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=of_name,
            parse_math=False,
            **FONTS[mark.kind],  # type: ignore[arg-type]
        )
        boxes = []
        for x, y in BESIDE:
            name.set(position=(x, y), horizontalalignment="left" if x > 0 else "right")
            boxes.append(name.get_window_extent())
        covered = [_covered(box, taken, axis.bbox) for box in boxes]
        best = covered.index(min(covered))
        x, y = BESIDE[best]
        name.set(position=(x, y), horizontalalignment="left" if x > 0 else "right")
        taken.append(boxes[best])
        if abs(y) > abs(BESIDE[0][1]):
            line = {"arrowstyle": "-", "lw": 0.5, "color": colour}
            axis.annotate(
                "", mark.point, xytext=(x, y), textcoords="offset points", arrowprops=line
            )


def _boxes(axis: Axes, mark: Mark) -> list[Bbox]:
    """Return the boxes of a mark and its two intervals, in pixels."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - as above

    (x, y), (left, bottom), (right, top) = mark.point, mark.low, mark.high
    ends = [([(x, y), (x, y)], 5), ([(left, y), (right, y)], 1), ([(x, bottom), (x, top)], 1)]
    boxes = [(Bbox(axis.transData.transform(pair)), margin) for pair, margin in ends]
    return [
        Bbox.from_extents(box.xmin - m, box.ymin - m, box.xmax + m, box.ymax + m)
        for box, m in boxes
    ]


def _covered(box: Bbox, taken: list[Bbox], panel: Bbox) -> float:
    """Return the area of other things, and of the outside, under a name."""

    def common(other: Bbox) -> float:
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        return float(max(width, 0.0) * max(height, 0.0))

    return sum(map(common, taken)) + float(box.width * box.height) - common(panel)
