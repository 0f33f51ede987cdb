"""The losses of a Wasserstein GAN with gradient penalty.

Source: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved training of Wasserstein GANs", NeurIPS
2017, algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor
) -> Tensor:
    """Return the mean of (‖∇D(x̂)‖ − 1)² at points between real and synthetic windows.

    Args:
        critic: D, maps windows to values, shape (batch,).
        real: windows, shape (batch, lead, sample).
        fake: windows of the same shape, without gradients.
        share: ε of each pair, from 0 to 1, shape (batch, 1, 1): x̂ = ε real + (1 − ε) fake.
    """
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty: Tensor = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return penalty


def critic_loss(real: Tensor, fake: Tensor, penalty: Tensor, weight: float) -> Tensor:
    """Return mean D(fake) − mean D(real) + λ penalty."""
    return fake.mean() - real.mean() + weight * penalty


def generator_loss(fake: Tensor) -> Tensor:
    """Return −mean D(fake)."""
    return -fake.mean()
