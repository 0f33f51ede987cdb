"""A board's rows between utility and privacy, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from textwrap import shorten
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.board.front import AIMS
from ecgbench.results.board.headline import of_family
from ecgbench.results.render import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

    from ecgbench.results.board.table import Board, BoardScore, Row

STYLES = {  # colour, of the inside, of the name
    "on the front": ("#0072B2", "#0072B2", "#0072B2"),
    "not on it": ("#8C8C8C", "#8C8C8C", "#555555"),
    "reference row": ("#8C8C8C", "white", "#555555"),
}
FONTS: dict[str, dict[str, str]] = {
    "on the front": {"fontweight": "bold"},
    "not on it": {},
    "reference row": {"fontstyle": "italic"},
}
BESIDE = [(x, y) for y in (8, -8, 0, 16, -16, 25, -25, 34, -34) for x in (6, -6)]
"""Places for a name, in points from its mark; the nearest first."""


@dataclass(frozen=True)
class Mark:
    """A row on the picture, with the value and interval of each axis."""

    name: str
    kind: str
    point: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]


def to_png(boards: Sequence[Board]) -> bytes | None:
    """Draw a panel for each board with two competitors or more; better is up and to the right.

    Args:
        boards: of one dataset.

    Returns:
        The PNG; None if no board can be drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - a second
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above
    from matplotlib.lines import Line2D  # noqa: PLC0415 - as above

    panels = [
        (board, labels, marks)
        for board in boards
        if (labels := headlines(board)) and (marks := _marks(board, labels))
    ]
    if not panels:
        return None
    figure = Figure(figsize=(7, 0.4 + 5 * len(panels)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (board, labels, marks) in zip(axes, panels, strict=True):
        _panel(axis, board, labels, marks)
    legend = [
        Line2D([], [], marker="o", ls="", color=colour, mfc=inside, label=kind)
        for kind, (colour, inside, _) in STYLES.items()
    ]
    figure.legend(handles=legend, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.draw_without_rendering()  # names go to free places, so the layout comes first
    for axis, (_, _, marks) in zip(axes, panels, strict=True):
        _name(axis, marks)
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def headlines(board: Board) -> tuple[str, str] | None:
    """Return the labels of utility's and privacy's metric; None if a family has none with a value."""
    utility, privacy = (of_family(aim, board.metrics, board.rows) for aim in AIMS)
    return None if utility is None or privacy is None else (utility, privacy)


def _marks(board: Board, labels: tuple[str, str]) -> list[Mark]:
    """Return the marks, those on the front first; none if fewer than two competitors have both values.

    A picture leaves out unverified rows.
    """
    rows = [*board.competitors, *board.references]
    rows = [row for row in rows if all(row.scores[k].status == "ok" for k in labels)]
    if sum(row.competes for row in rows) < 2:
        return []
    marks = [_mark(row, [row.scores[k] for k in labels], row.label in board.front) for row in rows]
    return sorted(marks, key=lambda mark: [*STYLES].index(mark.kind))


def _mark(row: Row, scores: list[BoardScore], on_front: bool) -> Mark:
    (x, left, right), (y, bottom, top) = (
        (value, value if s.low is None else s.low, value if s.high is None else s.high)
        for s in scores
        if (value := s.value) is not None
    )
    kind = "on the front" if on_front else "not on it"
    return Mark(
        name=_latin(text.name(row)) + f" {text.ALARM}" * any(map(text.is_alarm, scores)),
        kind="reference row" if row.generator.reference else kind,
        point=(x, y),
        low=(min(x, left), min(y, bottom)),
        high=(max(x, right), max(y, top)),
    )


def _latin(line: str) -> str:
    """Return text from a plugin or a store in letters of the font."""
    return plain(line).encode("latin-1", "replace").decode("latin-1")


def _panel(axis: Axes, board: Board, labels: tuple[str, str], marks: list[Mark]) -> None:
    for mark in reversed(marks):
        colour, inside, _ = STYLES[mark.kind]
        (x, y), (left, bottom), (right, top) = mark.point, mark.low, mark.high
        axis.plot([left, right], [y, y], color=colour, lw=0.8, alpha=0.8)
        axis.plot([x, x], [bottom, top], color=colour, lw=0.8, alpha=0.8)
        axis.plot(x, y, "o", color=colour, mfc=inside, ms=6)
    for label, side in zip(labels, (axis.xaxis, axis.yaxis), strict=True):
        metric = board.metrics[label]
        reversed_ = " (less is better, reversed)" if metric.better == "lower" else ""
        side.set_inverted(bool(reversed_))
        side.set_label_text(f"{metric.family}: {_latin(label)}{reversed_} →", parse_math=False)
    title = _latin(text.title(board))
    if settings := text.settings(board):
        title += f"\n{_latin(shorten(settings, 80, placeholder=' [...]'))}"
    axis.set_title(title, fontsize=10, parse_math=False)
    axis.tick_params(labelsize=8)
    axis.margins(0.12)
    for edge in ("top", "right"):
        axis.spines[edge].set_visible(False)


# --- names -------------------------------------------------------------------------------------


def _name(axis: Axes, marks: list[Mark]) -> None:
    """Put each name at the place beside its mark with the least covered, with a line to a far one."""
    taken = [box for mark in marks for box in _boxes(axis, mark)]
    for mark in marks:
        colour, _, of_name = STYLES[mark.kind]
        name = axis.annotate(
            mark.name,
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
