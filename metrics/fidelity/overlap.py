"""Overlap of two clouds of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STRIPS = 8
"""Strips along each axis, if there are enough points."""

POINTS_PER_CELL = 5
"""Real points in a cell at least, on average."""

TRIMMED = 0.005
"""Share of the real points beyond each of the two outer edges of an axis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlap:
    """The shared part of two clouds of points.

    Attributes:
        value: the overlap.
        of_real: float64, shape (n,), the contribution of each real point, to first order: the value is
            the mean of these plus the mean of ``of_synthetic``.
        of_synthetic: float64, shape (m,), the contribution of each synthetic point.
    """

    value: float
    of_real: NDArray[np.float64]
    of_synthetic: NDArray[np.float64]


def fewest(axes: int) -> int:
    """Return the number of real points that the coarsest grid needs: two strips along each axis."""
    return int(POINTS_PER_CELL * 2**axes)


def overlap(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> Overlap:
    r"""Return one minus the total variation distance of two histograms, over its expectation by chance.

    Space is cut into strips with equally many of the n ``real`` points along its first axis, each strip
    into such strips along the second, and so on.  There are as many strips as leave 5 points in a cell, at
    most 8 along an axis.  Beyond the outermost .5% of the real points there are none: one more cell takes
    all points there.  With p and q the shares of the real and of the m synthetic points in each cell::

        value = Σ min(p, q) / (1 − ½ Σ √(2/π · p(1 − p) · (1/n + 1/m)))

    The denominator is the expectation of Σ min(p, q) if all n + m points are independent draws from
    one distribution (normal approximation).  So such clouds have a value of 1 at all sizes, a little above
    or below.

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
    """Return the cell of each point; the last cell holds all points outside of the grid."""
    clouds = real, synthetic
    cell_of = [np.zeros(len(points), dtype=np.int64) for points in clouds]
    for axis in range(real.shape[1]):
        finer = [np.full(len(points), -1) for points in clouds]
        for cell in range(strips**axis):
            rows = [of == cell for of in cell_of]
            if not rows[0].any():  # equal real points may leave a cell empty
                continue
            edges = np.quantile(real[rows[0], axis], np.linspace(TRIMMED, 1 - TRIMMED, strips + 1))
            for points, inside, places in zip(clouds, rows, finer, strict=True):
                strip = _strip(edges, points[inside, axis])
                places[inside] = np.where(strip < 0, -1, cell * strips + strip)
        cell_of = finer
    last = strips ** real.shape[1]
    return np.where(cell_of[0] < 0, last, cell_of[0]), np.where(cell_of[1] < 0, last, cell_of[1])


def _strip(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the interval of each value, the last one closed; −1 outside."""
    strip = np.searchsorted(edges, values, side="right") - 1
    strip[values == edges[-1]] = len(edges) - 2
    return np.where(strip < len(edges) - 1, strip, -1)
