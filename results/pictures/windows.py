"""Windows on ECG paper: real ones beside synthetic ones by class, drawn at random and never chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.pictures.canvas import BLACK, GREY, LARGE, broken
from ecgbench.results.pictures.paper import GAIN, PULSE, SPEED, Sheet, Tile, tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

PAGE = 297.0
"""Millimetres: the width of A4 on its side."""

LEFT, GAP, EDGE, HEAD, FOOT, TITLE = 31.0, 2.0, 4.0, 6.0, 5.0, 7.0
"""Millimetres: names and pulse, between tiles, at the edges, above a block, a line below, the title."""

BEHIND = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6}
"""Of a note on a tile: a trace may pass below it."""

LETTERS = 10
"""In a line of a name."""

MOST, MOST_OF_SEVERAL = (-2.0, 3.0), (-1.0, 1.5)
"""mV: the largest line of paper, for one lead and for several; these may reach into each other's lines."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """A row of windows.

    Attributes:
        name: written beside it.
        windows: for each class, for each draw a window of shape (lead, sample), mV; None for none.
        notes: the text of each of them.
        colour: of its lines.
    """

    name: str
    windows: Sequence[Sequence[NDArray[np.floating] | None]]
    notes: Sequence[Sequence[str]] = ()
    colour: str = BLACK


def draws(
    labels: NDArray[np.int64], classes: int, count: int, seed: int
) -> list[NDArray[np.int64]]:
    """Draw windows of each class at random, without repetition.

    Args:
        labels: int64, shape (window,).
        classes: number of classes.
        count: windows of each class; a class with fewer gives all.
        seed: of the drawing.

    Returns:
        For each class the rows of its windows, int64.
    """
    rng = np.random.default_rng(seed)
    return [rng.permutation(np.flatnonzero(labels == label))[:count] for label in range(classes)]


def windows(
    rows: Sequence[Row],
    *,
    classes: Sequence[str],
    leads: tuple[str, ...],
    rate: float,
    length: int,
    title: str,
    notes: Sequence[str] = (),
    wide: bool = False,
) -> Figure:
    """Draw rows of windows, a column for each class, at 25 mm a second and 10 mm a millivolt.

    Args:
        rows: each with as many draws of each class.
        classes: their titles.
        leads: names.
        rate: Hz.
        length: samples in a window.
        title: of the page.
        notes: lines below.
        wide: whether all draws stand side by side, on a page of any width; else a page is as wide as
            A4 at most and several draws stand below each other.
    """
    layout = tile(leads, length, rate, *limits(rows))
    blocks = _blocks(len(classes), max(map(len, rows[0].windows)), layout, wide=wide)
    across = max(map(len, blocks))
    width = LEFT + across * (layout.width + GAP) - GAP + EDGE
    block_height = HEAD + len(rows) * (layout.height + GAP)
    height = TITLE + len(blocks) * block_height + FOOT * (len(notes) + 1) + EDGE
    sheet = Sheet(width, height)
    top = height - EDGE
    sheet.text(EDGE, top, title, LARGE, va="top", fontweight="bold")
    top -= TITLE
    for block in blocks:
        _block(sheet, block, rows, classes, leads, rate, layout, top)
        top -= block_height
    scale = f"{SPEED:g} mm/s, {GAIN:g} mm/mV if printed at 100%; a small square is 40 ms by 0.1 mV"
    for number, line in enumerate((*notes, scale)):
        sheet.text(EDGE, top - FOOT * number - 1, line, va="top", color="#555555")
    return sheet.figure


def limits(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the lowest and highest value of a line of paper, in mV, on large squares.

    They hold 99.8% of the samples of the first row and 98% of all: a wild generator is cut off.  If all
    rows have notes, a large square below is theirs.
    """
    shown = [[w for of_class in row.windows for w in of_class if w is not None] for row in rows]
    if not any(shown):
        return -5 / GAIN, 10 / GAIN
    first = np.stack(next(filter(None, shown)))
    every = np.stack([window for row in shown for window in row])
    ends = np.stack([np.quantile(first, [0.001, 0.999]), np.quantile(every, [0.01, 0.99])])
    step = 5 / GAIN
    lowest, highest = MOST if first.shape[1] == 1 else MOST_OF_SEVERAL
    low = np.clip(np.floor((ends[:, 0].min() - 0.1) / step) * step, lowest, -step)
    high = np.clip(np.ceil((ends[:, 1].max() + 0.1) / step) * step, 2 * step, highest)
    noted = step if all(any(map(any, row.notes)) for row in rows) else 0.0
    return float(low - noted), float(high)


def _blocks(classes: int, count: int, layout: Tile, *, wide: bool) -> list[list[tuple[int, int]]]:
    """Return the columns (class, draw) of each block of rows."""
    if wide:
        return [[(c, draw) for c in range(classes) for draw in range(count)]]
    fit = max(1, int((PAGE - LEFT - EDGE + GAP) // (layout.width + GAP)))
    return [
        [(c, draw) for c in range(start, min(classes, start + fit))]
        for draw in range(count)
        for start in range(0, classes, fit)
    ]


def _block(
    sheet: Sheet,
    block: list[tuple[int, int]],
    rows: Sequence[Row],
    classes: Sequence[str],
    leads: tuple[str, ...],
    rate: float,
    layout: Tile,
    top: float,
) -> None:
    places = [LEFT + number * (layout.width + GAP) for number in range(len(block))]
    for number, (x, (label, _)) in enumerate(zip(places, block, strict=True)):
        if number == 0 or block[number - 1][0] != label:
            sheet.text(x, top - HEAD + 1, classes[label], 8, va="bottom", fontweight="bold")
    for number, row in enumerate(rows):
        y = top - HEAD - layout.height - number * (layout.height + GAP)
        lane = layout.traces[0].y
        sheet.lines(EDGE, y + layout.height / 2, broken(row.name, LETTERS), 8, color=row.colour)
        sheet.paper(LEFT - 2 * PULSE, y, 2 * PULSE, layout.height)
        sheet.pulse(LEFT - 1.8 * PULSE, y + lane)
        for x, (label, draw) in zip(places, block, strict=True):
            sheet.paper(x, y, layout.width, layout.height)
            of_class = row.windows[label]
            window = of_class[draw] if draw < len(of_class) else None
            if window is not None:
                sheet.window(x, y, layout, window, rate, row.colour)
                if len(leads) > 1:
                    sheet.names(x, y, layout, leads)
            note = row.notes[label][draw] if row.notes and draw < len(row.notes[label]) else ""
            if note or window is None:
                colour = BLACK if note else GREY
                sheet.text(x + 0.8, y + 0.8, note or "none", va="bottom", color=colour, bbox=BEHIND)
