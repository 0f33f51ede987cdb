"""The density of the latents of each class, fitted after the training.

Source: Ghosh and others, "From variational to deterministic autoencoders", ICLR 2020, section 4: ex-post
density estimation.  An autoencoder's latents do not fill N(0, I); latents from its holes decode to
windows of no kind.  A mixture of Gaussians, fitted to the latents of training windows, has no such holes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench.gaussians import class_moments, fitted_mixture, symmetric_roots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.generators.vae import VaeConfig

    Floats = NDArray[np.float64]

ITERATIONS = 30
"""Of EM, at most."""

FLOOR = 1e-3
"""Least variance of a Gaussian; latents have variances near 1."""


class Prior(NamedTuple):
    """The mixture of Gaussians of a class.

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
        latents = rng.standard_normal((count, self.means.shape[1]))
        for gaussian in np.unique(which):
            rows = which == gaussian
            latents[rows] = self.means[gaussian] + latents[rows] @ self.roots[gaussian]
        return latents

    @property
    def free(self) -> int:
        """The number of its free numbers."""
        gaussians, latents = self.means.shape
        return int(gaussians * (1 + latents + latents * (latents + 1) // 2) - 1)


def fit_priors(
    latents: Floats, labels: NDArray[np.int64], config: VaeConfig, rng: np.random.Generator
) -> dict[int, Prior]:
    """Return the prior of each class in ``labels``.

    A class has at most ``gaussians`` Gaussians, and one for every ``windows`` windows, as many as held-out
    latents prefer.

    Args:
        latents: of the training windows, shape (window, latent).
        labels: shape (window,).
        config: settings.
        rng: draws the held-out latents and the starts of EM.
    """
    priors = {}
    for label, of in class_moments(latents, labels, config.shrinkage).items():
        found = fitted_mixture(
            latents[labels == label] - of.mean,
            min(config.gaussians, int((labels == label).sum()) // config.windows),
            floor=FLOOR,
            prior=config.shrinkage,
            iterations=ITERATIONS,
            rng=rng,
        )
        one = len(found.weights) == 1
        covariances = of.covariance[None] if one else found.covariances
        priors[label] = Prior(found.weights, of.mean + found.means, symmetric_roots(covariances))
    return priors
