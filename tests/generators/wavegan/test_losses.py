"""The losses against their equations."""

from __future__ import annotations

import math

import pytest
import torch

from ecgbench.generators.wavegan.losses import critic_loss, generator_loss, gradient_penalty


def test_the_penalty_of_a_linear_critic_is_that_of_its_slope() -> None:
    random = torch.Generator().manual_seed(0)
    real, fake, slope = (torch.randn(6, 2, 9, generator=random) for _ in range(3))
    slope = slope[0].requires_grad_()
    share = torch.rand(6, 1, 1, generator=random)
    penalty = gradient_penalty(lambda x: (x * slope).sum(dim=(1, 2)), real, fake, share)
    norm = slope.detach().norm()
    assert penalty.item() == pytest.approx((norm.item() - 1) ** 2, rel=1e-5)
    penalty.backward()
    assert slope.grad is not None
    torch.testing.assert_close(slope.grad, 2 * (norm - 1) * slope.detach() / norm)


def test_the_penalty_is_taken_between_the_pair() -> None:
    real, fake = torch.full((1, 1, 4), 3.0), torch.full((1, 1, 4), -1.0)
    share = torch.tensor([[[0.75]]])
    penalty = gradient_penalty(lambda x: (x**2).sum(dim=(1, 2)) / 2, real, fake, share)
    between = 0.75 * 3 - 0.25  # the gradient of x²/2 is x
    assert penalty.item() == pytest.approx((between * math.sqrt(4) - 1) ** 2, rel=1e-5)


def test_the_losses_are_their_equations() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])
    assert critic_loss(real, fake, torch.tensor(0.2), 10.0).item() == pytest.approx(-0.5)
    assert generator_loss(fake).item() == pytest.approx(0.5)
