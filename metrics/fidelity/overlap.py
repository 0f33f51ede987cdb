"""Overlap of two clouds of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STRIPS = 8
"""Strips along each axis, where there are points enough."""

POINTS_PER_CELL = 5
"""Real points that a cell holds at least, on average."""

TRIMMED = 0.005
"""Share of the real points beyond each of the two outer edges of an axis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlap:
    """How much of two clouds coincides.

    Attributes:
        value: the overlap.
        of_real: float64, shape (n,); what each real point brings, to first order: the value is the
            mean of these and the mean of the next.
        of_synthetic: float64, shape (m,).
    """

    value: float
    of_real: NDArray[np.float64]
    of_synthetic: NDArray[np.float64]


def fewest(axes: int) -> int:
    """Real points that the coarsest grid takes: two strips along each axis."""
    return int(POINTS_PER_CELL * 2**axes)


def overlap(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> Overlap:
    r"""One minus the total variation distance of two histograms, over what chance leaves of it.

    Space is cut into strips of equally many of the n ``real`` points along its first axis, each strip
    into such strips along the second, and so on: as many as leave 5 points in a cell, at most 8
    along an axis, and none beyond the outermost .5% of the real points; there one more cell takes
    all.  With p and q the shares of the real and of the m synthetic points in each cell::

        value = Σ min(p, q) / (1 − ½ Σ √(2/π · p(1 − p) · (1/n + 1/m)))

    The denominator is what Σ min(p, q) is expected to be where all n + m points are independent
    draws from one distribution (normal approximation), so that such clouds have a value of 1
    whatever their sizes, a little above or below.

    Args:
        real: shape (n, axis), n ≥ `fewest`.
        synthetic: shape (m, axis).
    """
    (n, axes), m = real.shape, len(synthetic)
    strips = min(MOST_STRIPS, int((n / POINTS_PER_CELL) ** (1 / axes) + 1e-9))
    cells = strips**axes + 1
    of_real, of_synthetic = _cells(real, synthetic, strips)
    p = np.bincount(of_real, minlength=cells) / n
    q = np.bincount(of_synthetic, minlength=cells) / m
    chance = 1 - np.sqrt(2 / np.pi * p * (1 - p) * (1 / n + 1 / m)).sum() / 2
    scarcer = p < q
    return Overlap(
        value=float(np.minimum(p, q).sum() / chance),
        of_real=scarcer[of_real] / chance,
        of_synthetic=~scarcer[of_synthetic] / chance,
    )


def _cells(
    real: NDArray[np.float64], synthetic: NDArray[np.float64], strips: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cell of each point; the last one is all that lies outside of the grid."""
    clouds = real, synthetic
    cell_of = [np.zeros(len(points), dtype=np.int64) for points in clouds]
    for axis in range(real.shape[1]):
        finer = [np.full(len(points), -1) for points in clouds]
        for cell in range(strips**axis):
            rows = [of == cell for of in cell_of]
            if not rows[0].any():  # where real points are equal, a cell may have none
                continue
            edges = np.quantile(real[rows[0], axis], np.linspace(TRIMMED, 1 - TRIMMED, strips + 1))
            for points, inside, found in zip(clouds, rows, finer, strict=True):
                strip = _strip(edges, points[inside, axis])
                found[inside] = np.where(strip < 0, -1, cell * strips + strip)
        cell_of = finer
    last = strips ** real.shape[1]
    return np.where(cell_of[0] < 0, last, cell_of[0]), np.where(cell_of[1] < 0, last, cell_of[1])


def _strip(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The interval of each value, the last one closed; −1 outside."""
    strip = np.searchsorted(edges, values, side="right") - 1
    strip[values == edges[-1]] = len(edges) - 2
    return np.where(strip < len(edges) - 1, strip, -1)
