"""Overlap of two clouds of points in a plane."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_STRIPS = 10
"""Strips along each axis, where there are points enough."""

POINTS_PER_CELL = 10
"""Real points that a cell holds at least."""

FEWEST = 4 * POINTS_PER_CELL
"""Real points that a grid of four cells takes."""

TRIMMED = 0.005
"""Share of the real points beyond each outer edge of the grid, and of each of its strips."""


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


def overlap(real: NDArray[np.float64], synthetic: NDArray[np.float64]) -> Overlap:
    r"""One minus the total variation distance of two histograms, relative to what chance leaves.

    The plane is cut into strips of equally many ``real`` points by its first axis, and each strip
    into cells by its second: min(10, √(points / 10)) strips and as many cells in each, up to the
    outermost .5% of the real points; what lies beyond is one more cell.  With p and q the shares of
    the real and the synthetic points in each cell::

        value = Σ min(p, q) / (1 − ½ Σ √(2/π · p(1 − p) · (1/n + 1/m)))

    The denominator is what Σ min(p, q) is expected to be where all n + m points are independent
    draws from one distribution (normal approximation), so that such clouds have a value of 1
    whatever their sizes, a little above or below.

    Args:
        real: shape (n, 2), n ≥ `FEWEST`.
        synthetic: shape (m, 2).
    """
    n, m = len(real), len(synthetic)
    strips = min(MOST_STRIPS, isqrt(n // POINTS_PER_CELL))
    cells = strips * strips + 1
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
    """The cell of each point; the last one lies outside of the grid."""
    quantiles = np.linspace(TRIMMED, 1 - TRIMMED, strips + 1)
    edges = np.quantile(real[:, 0], quantiles)
    strip_of = [_between(edges, points[:, 0]) for points in (real, synthetic)]
    found = [np.full(len(points), strips * strips) for points in (real, synthetic)]
    for strip in range(strips):
        inside = [of == strip for of in strip_of]
        if not inside[0].any():  # equal points may leave a strip empty
            continue
        edges = np.quantile(real[inside[0], 1], quantiles)
        for points, rows, cell in zip((real, synthetic), inside, found, strict=True):
            place = _between(edges, points[rows, 1])
            cell[rows] = np.where(place < 0, strips * strips, strip * strips + place)
    return found[0], found[1]


def _between(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The interval of each value, the last one closed; −1 outside."""
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = len(edges) - 2
    return np.where(place < len(edges) - 1, place, -1)
