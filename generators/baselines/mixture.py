"""Gaussians and mixtures of Gaussians per class, in the space of the principal components.

A window x (all samples of all leads, D numbers) of class c is modelled as::

    x = μ_c + W s + √v_c · (1 − W Wᵀ) ε,    s ~ Σ_j π_cj N(m_cj, Σ_cj),    ε ~ N(0, 1)

μ_c is the mean of the class; the k columns of W are the principal components of all training windows
about the means of their classes; v_c is the remaining variance in each of the other D − k directions.
With one Gaussian (m = 0) this is probabilistic PCA (Tipping, Bishop 1999) with a covariance of each
class's own within W.

A class can have fewer windows than dimensions, or only one.  So every covariance is shrunk towards the
pooled covariance within classes S, with the weight of ``prior`` windows::

    Σ_cj = (n_c C_cj + prior · S) / (n_c − 1 + prior)

and v_c likewise, with n_c the windows of the class and C_cj the estimated covariance.  If the training
windows lack a class, each of its windows is drawn from another class, at the frequencies of ``train``.

W is known up to signs, and up to rotations of equal variances; another version of a library may turn
it.  So windows are drawn from noise ε in all D directions and the symmetric root of Σ_cj, and such a
turn does not change them::

    s = m_cj + Σ_cj^½ Wᵀ ε

Wᵀ ε and (1 − W Wᵀ) ε are independent.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from ecgbench import principal_components
from ecgbench.contracts.streams import BaselineStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.baselines import GmmConfig, PcaGaussianConfig

    Floats = NDArray[np.float64]

logger = logging.getLogger(__name__)


class Mixture(NamedTuple):
    """Gaussians of one class about its mean, in k dimensions.

    Attributes:
        weights: π, float64, shape (Gaussian,), sum 1.
        means: m, float64, shape (Gaussian, k).
        covariances: C, the sums of squares divided by the number of windows, shape (Gaussian, k, k).
    """

    weights: Floats
    means: Floats
    covariances: Floats


class _Class(NamedTuple):
    mean: Floats  # μ_c, (D,)
    weights: Floats
    means: Floats
    roots: Floats  # symmetric, of Σ, (Gaussian, k, k)
    noise: float  # √v_c


class PcaGaussian:
    """One Gaussian a class.

    Attributes:
        parameters: number of estimated numbers: W, and of each class μ, v, and of its Gaussians the
            free ones of π, m, Σ.
    """

    def __init__(self, config: PcaGaussianConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Estimate W from all windows and the rest from each class."""
        rng = np.random.default_rng([context.seed, BaselineStream.FIT])
        self.like = train.take(slice(0))
        self.labels = train.labels
        classes = [int(label) for label in np.unique(train.labels)]
        within = train.signals.reshape(len(train), -1).astype(np.float64)
        means = {label: within[train.labels == label].mean(axis=0) for label in classes}
        for label in classes:
            within[train.labels == label] -= means[label]
        self.components = self._principal(within)
        scores = within @ self.components.T
        rest = np.maximum((within**2).sum(axis=1) - (scores**2).sum(axis=1), 0.0)
        dimensions, size = self.components.shape
        freedom = max(len(train) - len(classes), 1)
        others = max(size - dimensions, 1)
        pooled = scores.T @ scores / freedom
        pooled_rest = rest.sum() / freedom / others
        prior = self.config.prior
        self.classes: dict[int, _Class] = {}
        self.parameters = self.components.size
        for label in classes:
            own = train.labels == label
            count = int(own.sum())
            of_class = self.mixture(scores[own], pooled_rest, rng)
            covariances = (count * of_class.covariances + prior * pooled) / (count - 1 + prior)
            noise = (rest[own].sum() / others + prior * pooled_rest) / (count - 1 + prior)
            self.classes[label] = _Class(
                means[label], of_class.weights, of_class.means, _roots(covariances), np.sqrt(noise)
            )
            gaussians = len(of_class.weights)
            free = gaussians * dimensions * (dimensions + 1) // 2 + (gaussians - 1) * (
                dimensions + 1
            )
            self.parameters += size + 1 + free

    def mixture(self, scores: Floats, floor: float, rng: np.random.Generator) -> Mixture:
        """Return the Gaussians of a class: here one.

        Args:
            scores: of the class's windows about their mean, shape (window, k).
            floor: least variance of a Gaussian.
            rng: source of the randomness of the fit.
        """
        del floor, rng
        covariance = scores.T @ scores / len(scores)
        return Mixture(np.ones(1), np.zeros((1, scores.shape[1])), covariance[None])

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, BaselineStream.SAMPLE])
        unknown = ~np.isin(labels, list(self.classes))
        drawn = np.where(unknown, rng.choice(self.labels, len(labels)), labels)
        if unknown.any():
            logger.warning(
                "train has no window of %s: the %d asked for are of any class",
                ", ".join(
                    f"class {self.like.classes[label]}" for label in np.unique(labels[unknown])
                ),
                unknown.sum(),
            )
        flat = rng.standard_normal((len(labels), self.components.shape[1]))
        inside = flat @ self.components.T
        flat -= inside @ self.components
        for label, of in self.classes.items():
            rows = np.flatnonzero(drawn == label)
            which = rng.choice(len(of.weights), len(rows), p=of.weights)
            scores = inside[rows]
            for gaussian in np.unique(which):
                chosen = which == gaussian
                scores[chosen] = of.means[gaussian] + scores[chosen] @ of.roots[gaussian]
            flat[rows] = of.mean + scores @ self.components + of.noise * flat[rows]
        return self.like.synthetic(flat.reshape(-1, *self.like.signals.shape[1:]), labels)

    def _principal(self, within: Floats) -> Floats:
        """Return W transposed, shape (k, D), without arbitrary directions: those without any window."""
        components = principal_components(within, min(self.config.dimensions, len(within) - 1))
        kept = components.variances > 1e-12 * components.total
        kept[:1] = True
        return components.axes[kept]


class Gmm(PcaGaussian):
    """A mixture of Gaussians a class, fitted by EM from k-means.

    A class has one Gaussian for every ``windows`` of its training windows, at most ``components``;
    one Gaussian is that of `PcaGaussian`.  Each of several is shrunk towards their mean E_c, with the
    weight of ``prior`` windows too::

        C_cj = (n_cj E_cj + prior · E_c) / (n_cj + prior),    E_c = Σ_j π_cj E_cj
    """

    config: GmmConfig

    def mixture(self, scores: Floats, floor: float, rng: np.random.Generator) -> Mixture:
        """Return the Gaussians of a class."""
        gaussians = min(self.config.components, len(scores) // self.config.windows)
        if gaussians < 2:
            return super().mixture(scores, floor, rng)
        model = GaussianMixture(
            gaussians,
            reg_covar=floor + 1e-9,
            max_iter=self.config.iterations,
            random_state=_integer(rng),
        )
        with (
            warnings.catch_warnings()
        ):  # after the last iteration it is a valid mixture all the same
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scores)
        covariances, prior = model.covariances_, self.config.prior
        mean = np.tensordot(model.weights_, covariances, axes=1)
        counts = (model.weights_ * len(scores))[:, None, None]
        return Mixture(
            model.weights_, model.means_, (counts * covariances + prior * mean) / (counts + prior)
        )


def _roots(covariances: Floats) -> Floats:
    """Return the symmetric root of each covariance; a covariance may be singular."""
    values, vectors = np.linalg.eigh(covariances)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return np.asarray(roots @ np.swapaxes(vectors, 1, 2))


def _integer(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
