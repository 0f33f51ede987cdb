"""ECG paper: 25 mm a second and 10 mm a millivolt, true to scale on a page that is printed at 100%."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from ecgbench.results.pictures.canvas import BLACK, figure, letters

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

SPEED, GAIN = 25.0, 10.0
"""Millimetres a second, and a millivolt."""

INCH = 25.4
"""Millimetres."""

SQUARES = ((1.0, "#f7d6d3", 0.3), (5.0, "#e9a8a3", 0.5))
"""Millimetres of a small and a large square, with colour and width (points) of their lines."""

PULSE = 5.0
"""Millimetres of the calibration pulse of 1 mV: 0.2 s."""

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
RHYTHM = "II"
COLUMNS = 4

STRIP = 8.0
"""Seconds: a window of so many is cut into the four columns of a usual print; a shorter one is whole in each."""


class Trace(NamedTuple):
    """A part of a lead on a tile.

    Attributes:
        lead: number of the lead.
        first: first sample.
        end: sample after the last one.
        x: millimetres from the left edge of the tile.
        y: millimetres from its lower edge to 0 mV.
    """

    lead: int
    first: int
    end: int
    x: float
    y: float


class Tile(NamedTuple):
    """How a window lies on paper.

    Attributes:
        width: millimetres.
        height: the same.
        top: millimetres from 0 mV to the top of a line.
        traces: the parts of its leads.
    """

    width: float
    height: float
    top: float
    traces: tuple[Trace, ...]


def tile(leads: tuple[str, ...], length: int, rate: float, low: float, high: float) -> Tile:
    """Return the usual layout of leads.

    Twelve standard leads stand in three lines of four, with the rhythm strip of lead II below if the
    window is a strip; other leads stand one below the other.

    Args:
        leads: names.
        length: samples in a window.
        rate: Hz.
        low: the lowest value of a line, mV; whole large squares are best.
        high: the highest one.
    """
    lane = GAIN * (high - low)
    base = -GAIN * low
    by_name = {name.upper(): number for number, name in enumerate(leads)}
    if not all(name.upper() in by_name for name in STANDARD):
        width = SPEED * length / rate
        count = len(leads)
        return Tile(
            width,
            lane * count,
            lane - base,
            tuple(Trace(k, 0, length, 0.0, lane * (count - 1 - k) + base) for k in range(count)),
        )
    is_strip = length / rate >= STRIP
    cut = length // COLUMNS if is_strip else length
    column = SPEED * cut / rate
    lines = 3 + is_strip
    traces = [
        Trace(
            by_name[name.upper()],
            cut * (place // 3) * is_strip,
            cut * (place // 3) * is_strip + cut,
            column * (place // 3),
            lane * (lines - 1 - place % 3) + base,
        )
        for place, name in enumerate(STANDARD)
    ]
    if is_strip:
        traces.append(Trace(by_name[RHYTHM], 0, cut * COLUMNS, 0.0, base))
    return Tile(column * COLUMNS, lane * lines, lane - base, tuple(traces))


class Sheet:
    """A page whose coordinates are millimetres from its lower left corner.

    Args:
        width: millimetres.
        height: millimetres.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = figure(width / INCH, height / INCH)
        self.axis = self.figure.add_axes((0, 0, 1, 1))
        self.axis.set_xlim(0, width)
        self.axis.set_ylim(0, height)
        self.axis.set_axis_off()

    def paper(self, x: float, y: float, width: float, height: float) -> None:
        """Draw the squares of ECG paper over a rectangle."""
        for step, colour, thick in SQUARES:
            across = np.arange(0, width + 1e-6, step)
            up = np.arange(0, height + 1e-6, step)
            if step == SQUARES[0][0]:  # the strong lines come on top, and alone
                across = across[np.round(across) % SQUARES[1][0] != 0]
                up = up[np.round(up) % SQUARES[1][0] != 0]
            lines: list[Any] = [[(x + a, y), (x + a, y + height)] for a in across]
            lines += [[(x, y + u), (x + width, y + u)] for u in up]
            self.axis.add_collection(
                LineCollection(lines, colors=colour, linewidths=thick, zorder=1), autolim=False
            )

    def pulse(self, x: float, y: float) -> None:
        """Draw the calibration pulse: 1 mV high and 0.2 s long, from 0 mV at this place."""
        steps_x = np.array([0, 0.2, 0.2, 0.8, 0.8, 1.0]) * PULSE / 0.6
        steps_y = np.array([0, 0, 1, 1, 0, 0]) * GAIN
        self.axis.plot(x + steps_x, y + steps_y, color=BLACK, lw=0.8, zorder=3)

    def window(
        self,
        x: float,
        y: float,
        layout: Tile,
        signals: NDArray[np.floating],
        rate: float,
        colour: str = BLACK,
    ) -> None:
        """Draw a window; what leaves its tile is cut off.

        Args:
            x: millimetres to the left edge of the tile.
            y: millimetres to its lower edge.
            layout: from `tile`.
            signals: shape (lead, sample), mV.
            rate: Hz.
            colour: of the lines.
        """
        frame = Rectangle((x, y), layout.width, layout.height, transform=self.axis.transData)
        for trace in layout.traces:
            values = np.asarray(signals[trace.lead, trace.first : trace.end], dtype=np.float64)
            (line,) = self.axis.plot(
                x + trace.x + SPEED * np.arange(len(values)) / rate,
                y + trace.y + GAIN * values,
                color=colour,
                lw=0.8,
                zorder=3,
                solid_joinstyle="round",
            )
            line.set_clip_path(frame)

    def names(self, x: float, y: float, layout: Tile, leads: tuple[str, ...]) -> None:
        """Write the name of each lead above the start of its trace."""
        for trace in layout.traces:
            height = y + trace.y + layout.top - 0.8
            self.text(x + trace.x + 0.8, height, leads[trace.lead], va="top")

    def text(self, x: float, y: float, line: str, size: float = 7.0, **how: Any) -> None:
        """Write a line of foreign or own text at a place."""
        self.axis.text(x, y, letters(line), fontsize=size, parse_math=False, zorder=4, **how)

    def lines(self, x: float, y: float, lines: list[str], size: float, **how: Any) -> None:
        """Write lines about a height, 1.3 times their size apart."""
        step = 1.3 * size * INCH / 72
        for number, line in enumerate(lines):
            self.text(x, y + step * ((len(lines) - 1) / 2 - number), line, size, va="center", **how)
