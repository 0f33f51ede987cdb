"""A kernel density of each class, in the space of the principal components.

The coordinates s of class c along the k leading principal components have the density (Parzen 1962)::

    p_c(s) = mean_i N(s; s_i, h_c² Σ_c)

over the training windows i of the class.  The kernel has the covariance Σ_c of the class (Fukunaga;
Silverman 1986, section 4.2.1), so a direction gets noise in proportion to its spread.  A draw is a
training window with noise, the smoothed bootstrap (Silverman, section 6.4.1)::

    x = μ_c + Wᵀ (s_i + h_c Σ_c^½ ε) + R_c^½ η,    ε, η ~ N(0, I)

The rows of W are the components, and R_c is the covariance of what they leave: the colour of the
residual.  The variance of a coordinate is (1 + h_c²) times that of the class.

The bandwidth h_c has the largest likelihood of training windows, each under the kernels of all others
of its class (Silverman, section 3.4.4).  A person's windows are alike, so they ask for a small h_c.
Then windows stay close to training windows.

A class of few windows takes Σ_c and R_c partly from the other classes (`ecgbench.gaussians`).  The
kernel of a class of one window has h = 1.

R_c has as many rows as a window has numbers, too many for strips of twelve leads.  Beyond
`ecgbench.gaussians.MOST_NUMBERS` the second noise mixes what the components leave of the training windows,
with random weights: the same distribution, from other random numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize_scalar

from ecgbench import known_labels, principal_components
from ecgbench.contracts.streams import NeighbourStream
from ecgbench.gaussians import MOST_NUMBERS, class_moments, root_factors, symmetric_roots
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.neighbours import KdeConfig

    Floats = NDArray[np.float64]

NARROWEST, WIDEST = 0.01, 1.0
"""Bounds of the bandwidth; with 1 the kernel is as wide as the class."""

STEP = 0.02
"""The bandwidth's logarithm is found to this."""


class _Class(NamedTuple):
    centres: Floats  # of the kernels, μ_c + Wᵀ s_i, (window, number)
    noise: Floats  # rows that a draw mixes: h_c Wᵀ Σ_c^½ W + R_c^½, or of many numbers h_c Σ_c^½ W


class Kde:
    """A kernel density of each class.

    Attributes:
        parameters: how many numbers the fit keeps: W, the coordinates of all training windows, and of
            each class h, the mean, Σ and R.
        bandwidths: h_c by label.
    """

    def __init__(self, config: KdeConfig) -> None:
        self.config = config
        self.parameters = 0
        self.bandwidths: dict[int, float] = {}
        self.residuals: Floats | None = (
            None  # of the training windows, if the noise is drawn from them
        )

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Keep the coordinates of the training windows, and choose the bandwidths."""
        rng = np.random.default_rng([context.seed, NeighbourStream.FIT])
        self.like, self.labels = train.take(slice(0)), train.labels
        flat = train.signals.reshape(len(train), -1).astype(np.float64)
        for label in np.unique(train.labels):
            flat[train.labels == label] -= flat[train.labels == label].mean(axis=0)
        axes = principal_components(flat, self.config.dimensions).axes
        inside = flat @ axes.T
        k, size = axes.shape
        moments = class_moments(inside, train.labels, self.config.prior)
        left = flat - inside @ axes
        many = size > MOST_NUMBERS
        self.residuals = left if many else None
        residuals = {} if many else class_moments(left, train.labels, self.config.prior)
        self.classes: dict[int, _Class] = {}
        for label, (_, covariance) in moments.items():
            own = train.labels == label
            width = _bandwidth(inside[own], covariance, self.config.left_out, rng)
            self.bandwidths[label] = width
            root = symmetric_roots(covariance)
            if many:
                noise = width * root @ axes
            else:
                noise = width * axes.T @ root @ axes
                noise += symmetric_roots(residuals[label].covariance)
            mean = train.signals[own].reshape(own.sum(), -1).mean(axis=0, dtype=np.float64)
            self.classes[label] = _Class(mean + inside[own] @ axes, noise)
        rest, each = size - k, 1 + size + k * (k + 1) // 2
        self.parameters = axes.size + inside.size + len(moments) * each
        self.parameters += len(train) * rest if many else len(moments) * rest * (rest + 1) // 2
        context.log(1, total=1, **{f"bandwidth-{c}": h for c, h in self.bandwidths.items()})

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw a training window of each wanted class, and its noise."""
        rng = np.random.default_rng([context.seed, NeighbourStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        shape = (len(self.like.leads), self.like.length)
        sources = len(next(iter(self.classes.values())).noise)
        sources += 0 if self.residuals is None else len(self.residuals)
        mixing = rng.standard_normal((len(labels), sources))
        flat = np.empty((len(labels), shape[0] * shape[1]))
        for label, (centres, _) in self.classes.items():
            rows = np.flatnonzero(drawn == label)
            which = rng.integers(len(centres), size=len(rows))
            flat[rows] = centres[which] + mixing[rows] @ self._noise(label)
        return self.like.synthetic(flat.reshape(-1, *shape), labels)

    def _noise(self, label: int) -> Floats:
        """Return the rows that a draw mixes with weights N(0, 1), shape (row, number)."""
        noise = self.classes[label].noise
        if self.residuals is None:
            return noise
        factors = root_factors(self.labels, self.config.prior)[label]
        return np.concatenate([noise, factors[:, None] * self.residuals])

    def save(self, folder: Path) -> None:
        """Write the kernels."""
        classes = {str(label): of for label, of in self.classes.items()}
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            classes=classes,
            residuals=self.residuals,
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.classes = {int(label): _Class(*of) for label, of in parts["classes"].items()}
        self.residuals = parts["residuals"]


def _bandwidth(points: Floats, covariance: Floats, most: int, rng: np.random.Generator) -> float:
    """Return the bandwidth under which points are the likeliest, each left out of its own density."""
    count, dimensions = points.shape
    if count < 2:
        return WIDEST
    floor = 1e-9 * np.trace(covariance) / dimensions + 1e-12
    root = np.linalg.cholesky(covariance + floor * np.eye(dimensions))
    white = solve_triangular(root, points.T, lower=True).T
    judges = rng.permutation(count)[:most]
    squares = (white**2).sum(axis=1)
    distances = squares[judges, None] + squares - 2 * white[judges] @ white.T
    distances[np.arange(len(judges)), judges] = np.inf
    nearest = distances.min(axis=1, keepdims=True)
    distances -= nearest  # the largest kernel of each is 1, so no sum is 0

    def unlikeliness(logarithm: float) -> float:
        scale = -0.5 * np.exp(-2 * logarithm)
        sums = np.exp(scale * distances).sum(axis=1)
        return float(dimensions * logarithm - scale * nearest.mean() - np.log(sums).mean())

    bounds = (np.log(NARROWEST), np.log(WIDEST))
    found = minimize_scalar(unlikeliness, bounds=bounds, method="bounded", options={"xatol": STEP})
    return float(np.exp(found.x))
