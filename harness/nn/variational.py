"""Pieces of variational autoencoders (Kingma, Welling, ICLR 2014): posterior, divergence, first weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

N = TypeVar("N", bound=nn.Module)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of a Gaussian from N(0, I), Kingma and Welling's appendix B.

    Args:
        mean: shape (window, latent).
        log_variance: of independent latents, shape (window, latent).

    Returns:
        Shape (window,), in nats.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def reparametrised(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return draws of a Gaussian from draws of N(0, I), equation 10 of Kingma and Welling."""
    return mean + (log_variance / 2).exp() * noise


def negative_log_likelihood(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return −log N(x; mean, variance) without its constant, in nats.

    Args:
        x: shape (window, number).
        mean: of the same shape.
        log_variance: of independent numbers, of the same shape.

    Returns:
        Shape (window,).
    """
    return ((x - mean).square() * (-log_variance).exp() + log_variance).sum(dim=1) / 2


def classes(labels: NDArray[np.int64], count: int) -> Tensor:
    """Return one-hot labels, float32, shape (window, ``count``); no column if there is one class."""
    columns = count if count > 1 else 0
    return one_hot(torch.tensor(labels), count)[:, :columns].to(torch.float32)


def seeded(make: Callable[[], N], generator: torch.Generator) -> N:
    """Return the network of ``make`` with weights drawn from ``generator``; no global draw is used.

    Kernels are uniform within Glorot and Bengio's bound (AISTATS 2010, equation 16), biases are 0: the
    start of Keras.

    Args:
        make: makes a network of linear layers and convolutions, without buffers.
        generator: draws the weights, on the processor.
    """
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight, generator=generator)
            else:
                weight.zero_()
    return network
