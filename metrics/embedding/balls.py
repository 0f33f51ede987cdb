"""Embeddings in balls about others; each ball reaches its k-th nearest neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import Skip, stratified
from ecgbench.contracts.streams import EmbeddingStream
from ecgbench.nn.encoder import VERSION
from ecgbench.shared import embeddings, encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import UnsetType
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import PrdcConfig

ROWS = 500
"""Rows of the matrix of distances in work at a time, so that they stay in the cache."""


class Balls(NamedTuple):
    """As many real windows as synthetic ones, and the contents of their balls.

    Attributes:
        real: rows of ``control``.
        synthetic: rows of the synthetic windows.
        around: for each synthetic window, the number of real balls about it.
        reached: for each real window, whether it lies in a synthetic ball.
        covered: for each real window, whether its ball holds a synthetic window.
    """

    real: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    around: NDArray[np.int64]
    reached: NDArray[np.bool_]
    covered: NDArray[np.bool_]


def balls(comparison: Comparison, config: PrdcConfig) -> Balls:
    """Return the balls of ``control`` and of the synthetic windows, computed once per cell.

    The metrics of these balls depend on the number of windows.  So the larger side is thinned to the
    size of the smaller, every class in its proportion.

    Raises:
        Skip: there are too few windows, or control windows are k + 1 times the same.
    """
    key = f"embedding balls {config.neighbours} {config.encoder_steps}"
    return comparison.memo(key, lambda: _balls(comparison, config.neighbours, config.encoder_steps))


def _balls(comparison: Comparison, k: int, steps: int | UnsetType) -> Balls:
    control, synthetic = comparison.splits.control, comparison.synthetic
    count = min(len(control), len(synthetic))
    if count <= k:
        raise Skip(f"it needs {k + 1} windows of control and {k + 1} synthetic ones")
    rng = np.random.default_rng([comparison.seed, EmbeddingStream.BALLS])
    real_rows, synthetic_rows = (
        stratified(side.labels, count, rng) for side in (control, synthetic)
    )
    real_points = embeddings(comparison, "control", steps)[real_rows]
    synthetic_points = embeddings(comparison, "synthetic", steps)[synthetic_rows]
    kept = comparison.once(
        "control-balls",
        lambda: {"squared": squared_radii(real_points, k)},
        version=1,
        settings=[VERSION, encoder(comparison, steps).config.steps, count, k],
    )
    if np.median(kept["squared"]) < 1e-12:
        raise Skip("the control windows are all equal")
    return Balls(
        real_rows, synthetic_rows, *within(real_points, synthetic_points, kept["squared"], k)
    )


def squared_radii(points: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return the squared distance of each point to its k-th nearest other one."""
    radii = np.empty(len(points))
    for rows, squared in _distances(points, points):
        squared[np.arange(len(squared)), np.arange(len(points))[rows]] = np.inf
        radii[rows] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return radii


def within(
    real: NDArray[np.float64],
    synthetic: NDArray[np.float64],
    real_radii: NDArray[np.float64],
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return `Balls.around`, `Balls.reached` and `Balls.covered`, for squared radii of the real balls."""
    synthetic_radii = squared_radii(synthetic, k)
    around = np.zeros(len(synthetic), dtype=np.int64)
    reached, covered = np.empty((2, len(real)), dtype=np.bool_)
    for rows, squared in _distances(real, synthetic):
        inside = squared <= real_radii[rows, None]
        around += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        reached[rows] = (squared <= synthetic_radii).any(axis=1)
    return around, reached, covered


def _distances(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield squared distances, some rows at a time."""
    norms = np.einsum("ij,ij->i", right, right)
    for start in range(0, len(left), ROWS):
        rows = slice(start, start + ROWS)
        squared = left[rows] @ right.T
        squared *= -2
        squared += norms
        squared += np.einsum("ij,ij->i", left[rows], left[rows])[:, None]
        yield rows, squared
