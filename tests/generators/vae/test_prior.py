"""The priors of the latents against the densities that the latents are drawn from."""

from __future__ import annotations

import numpy as np

from ecgbench.generators.vae.prior import fit_priors
from tests.generators.vae.conftest import small

RNG = np.random.default_rng(0)


def test_one_cluster_becomes_one_gaussian_and_two_become_two() -> None:
    one = RNG.standard_normal((600, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    two = 0.3 * RNG.standard_normal((600, 2)) + 4 * RNG.choice([-1, 1], (600, 1))
    labels = np.repeat([0, 1], 600)
    found = fit_priors(
        np.concatenate([one, two]), labels, small(gaussians=2), np.random.default_rng(1)
    )
    assert len(found[0].weights) == 1
    assert len(found[1].weights) == 2
    for label, latents in ((0, one), (1, two)):
        drawn = found[label].draw(20000, np.random.default_rng(2))
        np.testing.assert_allclose(drawn.mean(axis=0), latents.mean(axis=0), atol=0.1)
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), rtol=0.1, atol=0.1)


def test_a_class_of_one_window_has_the_covariance_of_the_others_about_its_place() -> None:
    many = RNG.standard_normal((500, 2)) * [1.0, 3.0]
    latents = np.concatenate([many, [[7.0, -7.0]]])
    labels = np.repeat([0, 1], [500, 1])
    found = fit_priors(latents, labels, small(), np.random.default_rng(1))
    drawn = found[1].draw(20000, np.random.default_rng(2))
    np.testing.assert_allclose(drawn.mean(axis=0), [7.0, -7.0], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), many.std(axis=0), rtol=0.05)
