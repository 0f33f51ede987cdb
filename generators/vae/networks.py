"""Encoder and decoder: dense layers with the class of the window beside their input."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ecgbench.generators.vae import VaeConfig

LARGEST = 6.0
"""Bound of the logarithms of variances, about 0 for components of deviation 1."""


class Autoencoder(nn.Module):
    """The encoder q(z | x, c) and the decoder p(x | z, c), both Gaussian with independent numbers.

    Tensors are float32: x (window, component) of deviation 1, c (window, class), z (window, latent).

    Args:
        components: numbers of x.
        classes: columns of c; 0 for one class.
        config: settings.
    """

    def __init__(self, components: int, classes: int, config: VaeConfig) -> None:
        super().__init__()
        self.encoder = dense(components + classes, 2 * config.latent, config)
        self.decoder = dense(config.latent + classes, 2 * components, config)

    def encode(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of z."""
        mean, log_variance = self.encoder(torch.cat([x, c], dim=1)).chunk(2, dim=1)
        return mean, bounded(log_variance)

    def decode(self, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of x."""
        mean, log_variance = self.decoder(torch.cat([z, c], dim=1)).chunk(2, dim=1)
        return mean, bounded(log_variance)


def dense(inputs: int, outputs: int, config: VaeConfig) -> nn.Sequential:
    """Return hidden layers of SiLU units and a linear layer."""
    widths = [inputs, *[config.hidden] * config.layers]
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*parts, nn.Linear(widths[-1], outputs))


def bounded(log_variance: Tensor) -> Tensor:
    """Return values between −`LARGEST` and `LARGEST`, unchanged near 0."""
    return LARGEST * torch.tanh(log_variance / LARGEST)
