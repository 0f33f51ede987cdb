"""Encoder, decoder and noise: linear layers alone, because Opacus has a rule for their gradients."""

import torch
from torch import Tensor, nn

from ecgbench.generators.dp_vae import DpVaeConfig
from ecgbench.nn.variational import divergence, negative_log_likelihood, reparametrised

LARGEST = 8.0
"""Bound of the logarithms of variances: losses and gradients stay finite whatever the noise does."""

SPEED = 10.0
"""Factor of the weights of variances: Adam moves each weight by its rate, and these have a longer way."""


class Autoencoder(nn.Module):
    """The encoder q(z | x, c) and the decoder p(x | z, c), both Gaussian with independent numbers.

    The variances of x depend on the class alone.  Tensors are float32: x (window, component),
    c (window, class) one-hot, z (window, latent).

    Args:
        components: numbers of x.
        classes: columns of c, at least 1.
        config: settings.
    """

    def __init__(self, components: int, classes: int, config: DpVaeConfig) -> None:
        super().__init__()
        self.encoder = _dense(components + classes, 2 * config.latent, config.hidden)
        self.decoder = _dense(config.latent + classes, components, config.hidden)
        self.colour = nn.Linear(classes, components, bias=False)

    def forward(self, x: Tensor, c: Tensor, noise: Tensor) -> Tensor:
        """Return the negative evidence lower bound, shape (window,); ``noise`` is drawn from N(0, I)."""
        mean, log_variance = self.encoder(torch.cat([x, c], dim=1)).chunk(2, dim=1)
        log_variance = _bounded(log_variance)
        z = reparametrised(mean, log_variance, noise)
        error = negative_log_likelihood(x, *self.decode(z, c))
        return error + divergence(mean, log_variance)

    def decode(self, z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of x."""
        mean: Tensor = self.decoder(torch.cat([z, c], dim=1))
        return mean, _bounded(SPEED * self.colour(c))

    def deviation(self) -> Tensor:
        """Return the mean deviation of the decoder's noise over components and classes."""
        return (_bounded(SPEED * self.colour.weight.detach()) / 2).exp().mean()


def _dense(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.Tanh(),
        nn.Linear(hidden, hidden),
        nn.Tanh(),
        nn.Linear(hidden, outputs),
    )


def _bounded(log_variance: Tensor) -> Tensor:
    return LARGEST * torch.tanh(log_variance / LARGEST)
