"""Pieces of variational autoencoders against closed forms and torch's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from ecgbench.nn.variational import (
    classes,
    divergence,
    negative_log_likelihood,
    reparametrised,
    seeded,
)

RNG = torch.Generator().manual_seed(0)
MEAN, LOG_VARIANCE = torch.randn(5, 3, generator=RNG), torch.randn(5, 3, generator=RNG)
POSTERIOR = Independent(Normal(MEAN, (LOG_VARIANCE / 2).exp()), 1)


def test_the_divergence_is_that_of_two_gaussians() -> None:
    expected = kl_divergence(POSTERIOR, Independent(Normal(torch.zeros(5, 3), torch.ones(5, 3)), 1))
    torch.testing.assert_close(divergence(MEAN, LOG_VARIANCE), expected)
    assert divergence(torch.zeros(2, 4), torch.zeros(2, 4)).tolist() == [0.0, 0.0]


def test_the_likelihood_is_that_of_a_gaussian_but_for_its_constant() -> None:
    x = torch.randn(5, 3, generator=RNG)
    expected = -POSTERIOR.log_prob(x) - 3 * np.log(2 * np.pi) / 2
    torch.testing.assert_close(negative_log_likelihood(x, MEAN, LOG_VARIANCE), expected)


def test_draws_have_the_mean_and_the_variance_of_the_posterior() -> None:
    noise = torch.randn(20000, 3, generator=RNG)
    drawn = reparametrised(MEAN[:1], LOG_VARIANCE[:1], noise)
    torch.testing.assert_close(drawn.mean(dim=0), MEAN[0], atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.var(dim=0), LOG_VARIANCE[0].exp(), atol=0, rtol=0.05)


def test_classes_are_one_hot_and_an_only_class_tells_nothing() -> None:
    assert classes(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert classes(np.array([0, 0]), 1).shape == (2, 0)


def test_weights_come_from_the_generator_alone() -> None:
    def make() -> nn.Sequential:
        return nn.Sequential(nn.Conv1d(4, 6, 3), nn.Flatten(), nn.Linear(60, 2))

    before = torch.random.get_rng_state()
    one, again, other = (
        seeded(make, torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["2.weight"], other["2.weight"])
    assert one["0.weight"].abs().max() <= np.sqrt(6 / (3 * (4 + 6)))
    assert one["0.weight"].abs().max() > 0.9 * np.sqrt(6 / (3 * (4 + 6)))
    assert not one["0.bias"].any()
