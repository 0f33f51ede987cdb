"""The density of the latents of each class, fitted after the training.

Source: Ghosh and others, "From variational to deterministic autoencoders", ICLR 2020, section 4: ex-post
density estimation.  An autoencoder's latents do not fill N(0, I); latents from its holes decode to
windows of no kind.  A mixture of Gaussians, fitted to the latents of training windows, has no such holes.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.generators.vae import VaeConfig

    Floats = NDArray[np.float64]

ITERATIONS = 30
"""Of EM, at most."""

FLOOR = 1e-3
"""Added to the variances of Gaussians; latents have variances near 1."""


class Mixture(NamedTuple):
    """A mixture of Gaussians.

    Attributes:
        weights: float64, shape (Gaussian,), sum 1.
        means: float64, shape (Gaussian, latent).
        roots: symmetric roots of the covariances, float64, shape (Gaussian, latent, latent).
    """

    weights: Floats
    means: Floats
    roots: Floats

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Return latents, float64, shape (``count``, latent)."""
        which = rng.choice(len(self.weights), count, p=self.weights)
        noise = rng.standard_normal((count, self.means.shape[1]))
        for gaussian in np.unique(which):
            rows = which == gaussian
            noise[rows] = self.means[gaussian] + noise[rows] @ self.roots[gaussian]
        return noise

    @property
    def free(self) -> int:
        """The number of its free numbers."""
        gaussians, latents = self.means.shape
        return gaussians * (1 + latents + latents * (latents + 1) // 2) - 1


def fit_mixtures(
    latents: Floats,
    labels: NDArray[np.int64],
    held_out: NDArray[np.bool_],
    config: VaeConfig,
    rng: np.random.Generator,
) -> dict[int, Mixture]:
    """Return the mixture of each class in ``labels``.

    A class has 1, 2, 4, … Gaussians, at most ``gaussians`` and one for every ``windows`` windows.  The
    number is the one under which the held-out latents of the class are the likeliest.  One Gaussian is
    shrunk towards the covariance of all classes about their means, which counts as ``shrinkage`` windows.

    Args:
        latents: of the training windows, shape (window, latent).
        labels: shape (window,).
        held_out: windows that judge the number of Gaussians, shape (window,).
        config: settings.
        rng: seeds the starts of EM.
    """
    classes = [int(label) for label in np.unique(labels)]
    means = {label: latents[labels == label].mean(axis=0) for label in classes}
    within = latents - np.stack([means[int(label)] for label in labels])
    pooled = within.T @ within / len(latents) + FLOOR * np.eye(latents.shape[1])
    mixtures = {}
    for label in classes:
        own = labels == label
        fitted, judged = latents[own & ~held_out], latents[own & held_out]
        most = min(config.gaussians, len(fitted) // config.windows) if len(judged) else 1
        count = _likeliest(fitted, judged, most, rng)
        if count > 1:
            model = _fitted(latents[own], count, rng)
            mixtures[label] = Mixture(model.weights_, model.means_, _roots(model.covariances_))
            continue
        squares = within[own].T @ within[own] + config.shrinkage * pooled
        covariance = squares / (own.sum() - 1 + config.shrinkage)
        mixtures[label] = Mixture(np.ones(1), means[label][None], _roots(covariance[None]))
    return mixtures


def _likeliest(fitted: Floats, judged: Floats, most: int, rng: np.random.Generator) -> int:
    counts = [2**power for power in range(most.bit_length()) if 2**power <= most]
    if len(counts) < 2:
        return 1
    likelihoods = [_fitted(fitted, count, rng).score(judged) for count in counts]
    return counts[int(np.argmax(likelihoods))]


def _fitted(latents: Floats, count: int, rng: np.random.Generator) -> GaussianMixture:
    seed = int(rng.integers(2**31))
    model = GaussianMixture(count, reg_covar=FLOOR, max_iter=ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        # after the last iteration it is a valid mixture all the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(latents)


def _roots(covariances: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariances)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return np.asarray(roots @ np.swapaxes(vectors, 1, 2))
