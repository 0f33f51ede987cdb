"""`kernel-distance`: the squared maximum mean discrepancy of embeddings under a cubic kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.shared import embeddings, people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import EmbeddingConfig

    Array = NDArray[np.float64]

FEWEST = 20
"""Windows of a class that the value of the class needs."""

ROWS = 500
"""Rows of the matrix of similarities in work at a time, so that they stay in the cache."""


def kernel_distance(comparison: Comparison, config: EmbeddingConfig) -> Score:
    """Return the unbiased kernel distance of the embeddings of synthetic windows and of ``control``.

    This is the KID (Bińkowski et al., ICLR 2018, section 4) in the space of the ECG encoder
    (`ecgbench.shared.embeddings`) instead of Inception's.  All windows enter at once, while the paper
    averages over small subsets: the expectation is the same, with less noise.  The kernel compares
    means, covariances and third moments.

    An ideal generator scores 0 on average, for any numbers of windows.  The ``real`` row scores a little
    less, for it is stratified by patient as ``control`` is.

    Parts: ``kernel-distance-CLASS``, the value within each class with 20 windows on both sides.

    Contributions are a U-statistic's first-order (Hájek) projection.  A window counts with twice the
    difference of two mean similarities: to the other windows of its side, less those to the other side.
    A synthetic window counts for the person of its nearest control window.

    Raises:
        Skip: there are fewer than two control windows, or none to train the encoder on.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if len(control) < 2:
        raise Skip("it needs two control windows")
    real = embeddings(comparison, "control", config.encoder_steps)
    drawn = embeddings(comparison, "synthetic", config.encoder_steps)
    distance = discrepancy(real, drawn)
    parts = {}
    for c, label in enumerate(comparison.classes):
        of_real, of_synthetic = control.labels == c, synthetic.labels == c
        if min(of_real.sum(), of_synthetic.sum()) >= FEWEST:
            parts[f"kernel-distance-{label}"] = discrepancy(
                real[of_real], drawn[of_synthetic]
            ).value
    return Score(
        value=distance.value,
        parts=parts,
        contributions=Contributions.first_order(
            distance.value,
            (control.patients, distance.of_left),
            (people_behind(comparison), distance.of_right),
        ),
        n=len(real) + len(drawn),
    )


class Discrepancy(NamedTuple):
    """The squared discrepancy, and the influence of each point of either side on it."""

    value: float
    of_left: Array
    of_right: Array


def discrepancy(left: Array, right: Array) -> Discrepancy:
    """Compare two sets of points, shape (point, dimension), two points or more each."""
    left_to_left, _ = _similarities(left, left)
    right_to_right, _ = _similarities(right, right)
    left_to_right, right_to_left = _similarities(left, right)
    of_left = _others(left, left_to_left) - left_to_right
    of_right = _others(right, right_to_right) - right_to_left
    return Discrepancy(float(of_left.mean() + of_right.mean()), 2 * of_left, 2 * of_right)


def _similarities(left: Array, right: Array) -> tuple[Array, Array]:
    """Return the mean kernel of each point with the points of the other side, both ways."""
    there, back = np.empty(len(left)), np.zeros(len(right))
    for start in range(0, len(left), ROWS):
        rows = slice(start, start + ROWS)
        products = left[rows] @ right.T
        products /= left.shape[1]
        products += 1
        kernel = products * products
        kernel *= products
        there[rows] = kernel.mean(axis=1)
        back += kernel.sum(axis=0)
    return there, back / len(left)


def _others(points: Array, to_all: Array) -> Array:
    """Return the mean kernel of each point with the other points of its side."""
    n, own = len(points), (np.einsum("ij,ij->i", points, points) / points.shape[1] + 1) ** 3
    return np.asarray((n * to_all - own) / (n - 1))
