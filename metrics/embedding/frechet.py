"""`frechet-distance` of two Gaussians, fitted to the embeddings of real and of synthetic windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.contracts.streams import EmbeddingStream
from ecgbench.nn.encoder import VERSION
from ecgbench.shared import embeddings, encoder, people_behind, unseen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.embedding import EmbeddingConfig
    from ecgbench.nn import Encoder

    Array = NDArray[np.float64]

HALVINGS = 4
"""Random divisions of ``control``; `control-halves` is the mean over them."""


def frechet_distance(comparison: Comparison, config: EmbeddingConfig) -> Score:
    """Return the squared Fréchet distance of the embeddings of synthetic windows and of ``control``.

    This is the FID (Heusel et al., NeurIPS 2017, equation 6) in the space of the ECG encoder
    (`ecgbench.shared.embeddings`) instead of Inception's.  It is the squared 2-Wasserstein distance of
    two Gaussians and sees no more of a distribution than mean and covariance.  The unit is the squared
    deviation of ``auxiliary`` in one dimension.

    An ideal generator scores not 0 but the value of the ``real`` row.  The estimate is biased upwards,
    more so with fewer windows, and not equally for every generator (Chong, Forsyth, CVPR 2020,
    arXiv:1911.07023; they extrapolate to infinitely many windows).  All rows of a board have the same
    number of windows; boards with different numbers do not compare.  `kernel-distance` is unbiased.

    Parts: ``control-halves``, the distance of two random halves of ``control`` from each other: the
    bias alone, at half as many windows; ``encoder-class-accuracy`` and ``encoder-person-accuracy``, the
    encoder's accuracy for class and person of ``control`` windows.

    Contributions, to first order: a control window counts for its person, a synthetic one for the
    person of its nearest control window.  Near 0 the first order vanishes: the interval of the ``real``
    row is narrower than its noise.

    Raises:
        Skip: there are fewer than four control windows, or none to train the encoder on.
    """
    control = comparison.splits.control
    if len(control) < 4:
        raise Skip("it needs four control windows")
    steps = config.encoder_steps
    real = embeddings(comparison, "control", steps)
    synthetic = embeddings(comparison, "synthetic", steps)
    distance = frechet(real, synthetic)
    trained = encoder(comparison, steps)
    reference = comparison.once(
        "frechet-control",
        lambda: _reference(comparison, trained, real),
        version=1,
        settings=[VERSION, trained.config.steps],
    )
    return Score(
        value=distance.value,
        parts={name: float(part) for name, part in reference.items()},
        contributions=Contributions.first_order(
            distance.value,
            (control.patients, distance.of_left),
            (people_behind(comparison), distance.of_right),
        ),
        n=len(real) + len(synthetic),
    )


def frechet_distance_unseen(comparison: Comparison, config: EmbeddingConfig) -> Score:
    """Return `frechet_distance` from the windows of unseen people, in the place of ``control``.

    Against ``control`` whoever reproduces the members wins.  The unseen people are others, so here the
    ``real`` row is no ceiling: it shows the members as they are, and a generator of the population can be
    nearer to people whom nobody saw.  Copies gain nothing.  The halves of the people differ, and neither
    reads as the other, so the board shows the mean over both folds alone.

    Parts: ``control-halves``, the distance of two halves of the unseen people's windows;
    ``encoder-class-accuracy`` on them; ``encoder-person-accuracy`` is 0, since the encoder knows none.

    Contributions: those of `frechet_distance`, so the interval is over the unseen people.

    Raises:
        Skip: there are fewer than four windows of unseen people, or none to train the encoder on.
    """
    return frechet_distance(unseen(comparison), config)


def _reference(comparison: Comparison, encoder: Encoder, real: Array) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng([comparison.seed, EmbeddingStream.FRECHET_HALVES])
    orders = [rng.permutation(len(real)) for _ in range(HALVINGS)]
    middle = len(real) // 2
    halves = [frechet(real[order[:middle]], real[order[middle:]]).value for order in orders]
    accuracy = encoder.accuracy(comparison.splits.control)
    return {
        "control-halves": np.array(np.mean(halves)),
        "encoder-class-accuracy": np.array(accuracy["class"]),
        "encoder-person-accuracy": np.array(accuracy["person"]),
    }


class Frechet(NamedTuple):
    """The squared distance, and the influence of each window of either side on it."""

    value: float
    of_left: Array
    of_right: Array


def frechet(left: Array, right: Array) -> Frechet:
    """Compare two sets of points, shape (point, dimension), two points or more each."""
    (mean, covariance), (other_mean, other_covariance) = _moments(left), _moments(right)
    roots, axes = np.linalg.eigh(covariance)
    root = _symmetric(axes, np.sqrt(np.maximum(roots, 0)))
    # (C C')^½ has the trace of the symmetric (C^½ C' C^½)^½
    squares, directions = np.linalg.eigh(root @ other_covariance @ root)
    singular = np.sqrt(np.maximum(squares, 0))
    shift = mean - other_mean
    trace = np.trace(covariance) + np.trace(other_covariance) - 2 * singular.sum()
    # optimal transport from one Gaussian to the other is linear, and so are the derivatives by C and C'
    inverse = _symmetric(axes, _inverse(np.sqrt(np.maximum(roots, 0))))
    there = inverse @ _symmetric(directions, singular) @ inverse
    back = root @ _symmetric(directions, _inverse(singular)) @ root
    return Frechet(
        max(0.0, float(shift @ shift + trace)),
        _influence(left - mean, shift, there),
        _influence(right - other_mean, -shift, back),
    )


def _moments(points: Array) -> tuple[Array, Array]:
    return points.mean(axis=0), np.cov(points, rowvar=False).reshape(2 * points.shape[1:])


def _influence(deviations: Array, shift: Array, transport: Array) -> Array:
    """Return 2 (m − m')·(x − m) + (x − m)ᵀ (I − T) (x − m), T the optimal transport to the other side."""
    moved = deviations - deviations @ transport
    return np.asarray(2 * deviations @ shift + np.einsum("ij,ij->i", deviations, moved))


def _symmetric(axes: Array, values: Array) -> Array:
    return np.asarray((axes * values) @ axes.T)


def _inverse(values: Array) -> Array:
    """Return 1 over each value; 0 for a value that is 0 but for rounding."""
    kept = values > 1e-6 * values.max(initial=0)
    return np.divide(1, values, out=np.zeros_like(values), where=kept)
