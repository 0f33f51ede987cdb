"""A figure without global state, its colours, and its bytes as PNG, PDF or SVG."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ecgbench.contracts.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

FORMATS: dict[str, dict[str, Any]] = {
    "png": {"metadata": {"Software": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}
"""What to write beside the drawing, by suffix: nothing that changes from call to call."""

VECTOR: dict[Any, Any] = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "ecgbench"}
"""Text stays text, and the same drawing has the same bytes."""

SHADES = 48

BLACK, BLUE, VERMILION, GREY = "#000000", "#0072B2", "#D55E00", "#8C8C8C"

COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
"""Distinct in every kind of colour vision (Okabe, Ito, 2008)."""

DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
"""Styles of lines: told apart in greys too."""

SMALL, USUAL, LARGE = 7.0, 8.0, 10.0
"""Sizes of text in points."""


def figure(width: float, height: float, **options: Any) -> Figure:
    """Return an empty figure of so many inches."""
    made = Figure(figsize=(width, height), **options)
    FigureCanvasAgg(made)
    return made


def panels(
    rows: int, columns: int, width: float, height: float, *, title: str, below: float = 0.8
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of equal panels with common axes, and the panels, shape (row, column).

    Its margins are fixed: matplotlib's own layout takes longer than the drawing.

    Args:
        rows: of panels.
        columns: of panels.
        width: inches of a panel.
        height: the same.
        title: above.
        below: inches of the lower margin.
    """
    left, right, top, across, up = 0.75, 0.15, 0.65, 0.12, 0.35
    wide = left + columns * width + (columns - 1) * across + right
    high = top + rows * height + (rows - 1) * up + below
    made = figure(wide, high)
    axes = made.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    made.subplots_adjust(
        left=left / wide,
        right=1 - right / wide,
        top=1 - top / high,
        bottom=below / high,
        wspace=across / width,
        hspace=up / height,
    )
    made.suptitle(letters(title), y=1 - 0.12 / high, va="top", fontsize=LARGE, parse_math=False)
    return made, axes


def to_bytes(drawn: Figure, form: str = "png", dpi: float = 110, *, tight: bool = False) -> bytes:
    """Return a figure as a file of a form of `FORMATS`; the same figure gives the same bytes.

    Args:
        drawn: the figure.
        form: ``png``, ``pdf`` or ``svg``.
        dpi: dots per inch of a PNG.
        tight: whether to cut off empty margins.
    """
    stream = BytesIO()
    box = "tight" if tight else None
    with mpl.rc_context(VECTOR):
        drawn.savefig(stream, format=form, dpi=dpi, bbox_inches=box, **FORMATS[form])
    return stream.getvalue()


def to_small_png(drawn: Figure, dpi: float) -> bytes:
    """Return a figure as a PNG of at most `SHADES` colours, half as large as one of all colours."""
    from PIL import Image  # noqa: PLC0415 - matplotlib needs it, few pictures do

    drawn.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(drawn)  # matplotlib has no types for the two
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    stream = BytesIO()
    few = picture.quantize(SHADES, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(stream, format="PNG", dpi=(dpi, dpi), optimize=True)
    return stream.getvalue()


def letters(line: str) -> str:
    """Return text from a plugin or a store on one line, in letters of the font."""
    kept = plain(line).replace("→", "\0").encode("latin-1", "replace").decode("latin-1")
    return kept.replace("\0", "→")


def broken(name: str, width: int) -> list[str]:
    """Return a name in at most four lines of so many letters, broken after marks if it can be."""
    lines = [""]
    for part in re.findall(r"[^-: =_]*[-: =_]?", letters(name)):
        if lines[-1] and len((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return [line.strip()[: width + 2] for line in lines[:4]]


def style_of(number: int) -> dict[str, Any]:
    """Return colour and dashes of a line by its number."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[(number + number // len(COLOURS)) % len(DASHES)],
    }


def tidy(axis: Axes) -> None:
    """Remove the upper and the right edge, and make the numbers small."""
    axis.tick_params(labelsize=SMALL)
    for edge in ("top", "right"):
        axis.spines[edge].set_visible(False)


def grid_of(count: int, most: int = 4) -> tuple[int, int]:
    """Return rows and columns for so many panels, at most ``most`` a row."""
    columns = max(1, min(most, count))
    return max(1, -(-count // columns)), columns


def legend(drawn: Figure, handles: Sequence[Artist], columns: int, title: str = "") -> None:
    """Explain lines and marks below a picture, their labels as plain text."""
    made = drawn.legend(
        handles=handles,
        loc="lower center",
        ncols=columns,
        frameon=False,
        fontsize=SMALL,
        title=title or None,
        title_fontsize=SMALL,
    )
    for text in made.get_texts():
        text.set_parse_math(False)


def blank(axes: Iterable[Axes]) -> None:
    """Hide panels without content."""
    for axis in axes:
        axis.set_axis_off()
