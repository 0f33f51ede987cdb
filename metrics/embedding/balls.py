"""Which embeddings lie in balls about others, each as wide as reaches its k-th nearest neighbour."""

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
"""Of a matrix of distances that are worked on together, so that they stay in the cache."""


class Balls(NamedTuple):
    """As many real windows as synthetic ones, and what their balls hold.

    Attributes:
        real: rows of ``control``.
        synthetic: rows of the synthetic windows.
        around: of each synthetic window, the number of real balls that it lies in.
        reached: whether each real window lies in a synthetic ball.
        covered: whether each real ball holds a synthetic window.
    """

    real: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    around: NDArray[np.int64]
    reached: NDArray[np.bool_]
    covered: NDArray[np.bool_]


def balls(comparison: Comparison, config: PrdcConfig) -> Balls:
    """The balls of ``control`` and of the synthetic windows, computed once per cell.

    All that is made of them depends on how many windows there are, so the larger side is thinned to
    the smaller, every class in its proportion.

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
    real, made = (stratified(side.labels, count, rng) for side in (control, synthetic))
    real_points = embeddings(comparison, "control", steps)[real]
    made_points = embeddings(comparison, "synthetic", steps)[made]
    kept = comparison.once(
        "control-balls",
        lambda: {"squared": squared_radii(real_points, k)},
        version=1,
        settings=[VERSION, encoder(comparison, steps).config.steps, count, k],
    )
    if np.median(kept["squared"]) < 1e-12:
        raise Skip("the control windows are all equal")
    return Balls(real, made, *within(real_points, made_points, kept["squared"], k))


def squared_radii(points: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Squared distance of each point to its k-th nearest other one."""
    found = np.empty(len(points))
    for rows, squared in _distances(points, points):
        squared[np.arange(len(squared)), np.arange(len(points))[rows]] = np.inf
        found[rows] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return found


def within(
    real: NDArray[np.float64], made: NDArray[np.float64], real_radii: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """`Balls.around`, `Balls.reached` and `Balls.covered`, from squared radii of the real balls."""
    made_radii = squared_radii(made, k)
    around = np.zeros(len(made), dtype=np.int64)
    reached, covered = np.empty((2, len(real)), dtype=np.bool_)
    for rows, squared in _distances(real, made):
        inside = squared <= real_radii[rows, None]
        around += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        reached[rows] = (squared <= made_radii).any(axis=1)
    return around, reached, covered


def _distances(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances, some rows at a time."""
    norms = np.einsum("ij,ij->i", right, right)
    for start in range(0, len(left), ROWS):
        rows = slice(start, start + ROWS)
        squared = left[rows] @ right.T
        squared *= -2
        squared += norms
        squared += np.einsum("ij,ij->i", left[rows], left[rows])[:, None]
        yield rows, squared
