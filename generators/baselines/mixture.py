"""Gaussians and mixtures of Gaussians per class, in the space of the principal components.

A window is a point of D numbers x (`ecgbench.space`: all samples of all leads) and of a few features u (none,
or its RR intervals).  A point of class c is modelled by Gaussians j::

    x = μ_c + Wᵀ s + Rᵀ r + √v_c · e,    (s, u) ~ N(m_cj, Σ_cj),    r ~ N(0, diag d_cj)

μ_c is the mean of the class.  The rows of W are the k leading principal components of all training
points about the means of their classes, the rows of R are the next ones, and e is white noise in all
directions that are left.  So the residual r is coloured: each further component has a variance of
its own, as probabilistic PCA (Tipping, Bishop 1999) does not have it.  ECG falls by orders of magnitude
between 10 and 40 Hz, and one variance for all would fill the upper band with noise.

A class can have fewer windows than dimensions, or only one.  So each covariance is shrunk towards the
pooled covariance within classes S, which counts as ``prior`` windows::

    Σ_cj = (n_c C_cj + prior · S) / (n_c − 1 + prior)

and v_c and the variances of the residual likewise, with n_c the windows of the class and C_cj their
covariance.  If the training windows lack a class, it is drawn as if its label were any of theirs, at
their frequency.

W is known up to signs, and up to rotations where variances are equal; a library's next version may turn
it.  So points are drawn in a way that such a turn leaves as they are, from noise ε in all D
directions and the symmetric root of Σ_cj.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import known_labels, principal_components
from ecgbench.contracts.streams import BaselineStream
from ecgbench.gaussians import fitted_mixture, one_gaussian, symmetric_roots
from ecgbench.large import parts
from ecgbench.saving import load_model, save_model
from ecgbench.space import NormalisedTime, OwnTime, Points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Components, Context, EcgWindows
    from ecgbench.gaussians import Mixture
    from ecgbench.generators.baselines import GmmConfig, PcaGaussianConfig
    from ecgbench.space import Space

    Floats = NDArray[np.float64]

COLOURED = 512
"""Components of the residual that have a variance of their own, at most; a square of it is computed."""


class _Class(NamedTuple):
    mean: Floats  # μ_c, (D,)
    features: Floats  # the mean of the features
    weights: Floats
    means: Floats
    roots: Floats  # symmetric, of Σ, (Gaussian, coordinate, coordinate)
    deviations: Floats  # √d, (Gaussian, component of the residual)
    noise: float  # √v_c


class _Within:
    """Samples about the mean of their class, computed when they are read: all of them may not fit."""

    def __init__(
        self, samples: NDArray[np.floating], labels: NDArray[np.int64], means: dict[int, Floats]
    ) -> None:
        self.samples, self.labels, self.means = samples, labels, means

    @property
    def shape(self) -> tuple[int, ...]:
        return self.samples.shape

    def __getitem__(self, part: slice) -> Floats:
        labels, found = self.labels[part], np.array(self.samples[part], dtype=np.float64)
        for label, mean in self.means.items():
            found[labels == label] -= mean
        return found

    def __iter__(self) -> Iterator[Floats]:
        return (self[part] for part in parts(*self.shape))


class PcaGaussian:
    """One Gaussian a class.

    Attributes:
        parameters: how many numbers the fit estimated: W and R, and of each class μ, v, and of its
            Gaussians π, m, Σ and d as far as they are free.
    """

    def __init__(self, config: PcaGaussianConfig) -> None:
        self.config = config
        self.parameters = 0
        self.space: Space = NormalisedTime(config.dimensions) if config.time == "rr" else OwnTime()

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Estimate W and R from all windows and the rest from each class.

        Raises:
            Skip: ``time`` is ``"rr"``, and the windows are longer than a beat and its neighbours.
        """
        rng = np.random.default_rng([context.seed, BaselineStream.FIT])
        self.like = train.take(slice(0))
        self.labels = train.labels
        points = self.space.points(train)
        classes = [int(label) for label in np.unique(train.labels)]
        means = {label: _mean(points, train.labels == label) for label in classes}
        within = _Within(
            points.samples, train.labels, {label: mean.samples for label, mean in means.items()}
        )
        self._axes(within)
        inside, residual, white = (
            np.concatenate(arrays)
            for arrays in zip(*(self._coordinates(samples) for samples in within), strict=True)
        )
        features = points.features.copy()
        for label in classes:
            features[train.labels == label] -= means[label].features
        inside = np.concatenate([inside, features], axis=1)
        freedom = max(len(train) - len(classes), 1)
        pooled = inside.T @ inside / freedom
        pooled_residual, pooled_white = residual.sum(axis=0) / freedom, white.sum() / freedom
        floor = float(np.concatenate([pooled_residual, [pooled_white]]).mean())
        prior = self.config.prior
        self.classes: dict[int, _Class] = {}
        self.parameters = self.leading.size + self.residual.size
        for label in classes:
            own = train.labels == label
            count = int(own.sum())
            shrunk = count - 1 + prior
            mixture = self.mixture(inside[own], floor, rng)
            of_class = (residual[own].sum(axis=0) + prior * pooled_residual) / shrunk
            # one Gaussian is the class: its windows count once
            of_gaussians = (mixture.shares.T @ residual[own] + prior * of_class) / (
                mixture.shares.sum(axis=0)[:, None] + prior
            )
            variances = of_class[None] if len(mixture.weights) == 1 else of_gaussians
            self.classes[label] = _Class(
                *means[label],
                mixture.weights,
                mixture.means,
                symmetric_roots((count * mixture.covariances + prior * pooled) / shrunk),
                np.sqrt(variances),
                float(np.sqrt((white[own].sum() + prior * pooled_white) / shrunk)),
            )
            self.parameters += self._free(self.classes[label])

    def _coordinates(self, within: Floats) -> tuple[Floats, Floats, Floats]:
        """Return what W, R and neither say of some windows: coordinates, squares along R, mean square."""
        inside = within @ self.leading.T
        residual = (within @ self.residual.T) ** 2
        white = np.maximum(
            (within**2).sum(axis=1) - (inside**2).sum(axis=1) - residual.sum(axis=1), 0.0
        ) / max(within.shape[1] - len(self.leading) - len(self.residual), 1)
        return inside, residual, white

    def mixture(self, inside: Floats, floor: float, rng: np.random.Generator) -> Mixture:
        """Return the Gaussians of a class: here one.

        Args:
            inside: coordinates of the class's windows about their mean, shape (window, coordinate).
            floor: variance below which a Gaussian is not to shrink.
            rng: draws what is random in the fit.
        """
        del floor, rng
        return one_gaussian(inside)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, BaselineStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        samples = rng.standard_normal((len(labels), self.leading.shape[1]))
        features = rng.standard_normal((len(labels), self.features))
        for label, of in self.classes.items():
            rows = np.flatnonzero(drawn == label)
            gaussians = rng.choice(len(of.weights), len(rows), p=of.weights)
            for gaussian in np.unique(gaussians):
                of_gaussian = rows[gaussians == gaussian]
                for part in parts(len(of_gaussian), samples.shape[1]):
                    chosen = of_gaussian[part]
                    samples[chosen], features[chosen] = self._from_noise(
                        Points(samples[chosen], features[chosen]), of, gaussian
                    )
        return self.like.synthetic(self.space.signals(Points(samples, features)), labels)

    def save(self, folder: Path) -> None:
        """Write the space, W, R and the classes."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            space=self.space.parts(),
            axes=[self.leading, self.residual],
            classes={str(label): of for label, of in self.classes.items()},
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.space.restore(parts["space"])
        self.leading, self.residual = parts["axes"]
        self.classes = {int(label): _Class(*of) for label, of in parts["classes"].items()}

    def _from_noise(self, noise: Points, of: _Class, gaussian: int) -> Points:
        """Turn white noise into points of a Gaussian of a class."""
        along, beside = noise.samples @ self.leading.T, noise.samples @ self.residual.T
        white = noise.samples - along @ self.leading - beside @ self.residual
        inside = np.concatenate([along, noise.features], axis=1) @ of.roots[gaussian]
        inside += of.means[gaussian]
        count = len(self.leading)
        samples = inside[:, :count] @ self.leading
        samples += (of.deviations[gaussian] * beside) @ self.residual + of.noise * white
        return Points(of.mean + samples, of.features + inside[:, count:])

    def _axes(self, within: _Within) -> None:
        """Set W and R; no direction in which no window lies belongs to them, because it is arbitrary."""
        most = min(self.config.dimensions + COLOURED, within.shape[0] - 1)
        components: Components = principal_components(within, most)
        kept = components.variances > 1e-12 * components.total
        kept[:1] = True
        axes = components.axes[kept]
        self.leading, self.residual = np.split(axes, [min(self.config.dimensions, len(axes))])

    @property
    def features(self) -> int:
        """How many features a point has."""
        return len(next(iter(self.classes.values())).features)

    def _free(self, of: _Class) -> int:
        """Return how many free numbers a class has; the means of its Gaussians average to 0."""
        gaussians, coordinates = of.means.shape
        symmetric = coordinates * (coordinates + 1) // 2
        each = symmetric + len(self.residual)
        return int(
            of.mean.size
            + of.features.size
            + 1
            + gaussians * each
            + (gaussians - 1) * (coordinates + 1)
        )


class Gmm(PcaGaussian):
    """A mixture of Gaussians a class, fitted by EM from k-means.

    A class has at most ``components`` Gaussians, and at most one for every ``windows`` of its training
    windows.  `ecgbench.gaussians.fitted_mixture` chooses their number by the likelihood of held-out
    windows.  One Gaussian is that of `PcaGaussian`.
    """

    config: GmmConfig

    def mixture(self, inside: Floats, floor: float, rng: np.random.Generator) -> Mixture:
        """Return the Gaussians of a class."""
        return fitted_mixture(
            inside,
            min(self.config.components, len(inside) // self.config.windows),
            floor=floor,
            prior=self.config.prior,
            iterations=self.config.iterations,
            rng=rng,
        )


def _mean(points: Points, rows: NDArray[np.bool_]) -> Points:
    samples = sum(
        points.samples[part][rows[part]].sum(axis=0, dtype=np.float64)
        for part in parts(*points.samples.shape)
    )
    return Points(np.asarray(samples / rows.sum()), points.features[rows].mean(axis=0))
