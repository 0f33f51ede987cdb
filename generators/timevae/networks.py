"""Encoder and decoder of TimeVAE.

Source: Desai and others, "TimeVAE", arXiv:2111.08095, section 3, and the authors' code
(https://github.com/abudesai/timeVAE).  The decoder is the sum of a level, a polynomial trend and the
mirrored convolutions, "Base TimeVAE" of the paper.  The published settings have no trend and no custom
seasons; seasons are left out here.

The paper's networks know no class.  Here the encoder reads it one-hot as constant channels beside the
leads, and each part of the decoder reads it beside the latent.

Keras pads a stride of an even length at its end alone, torch at its start: the same network on mirrored
time.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ecgbench.generators.timevae import TimeVaeConfig


class Autoencoder(nn.Module):
    """The encoder q(z | x, c) and the decoder, the mean of p(x | z, c).

    Tensors are float32: x (window, lead, sample), c (window, class), z (window, latent).

    Args:
        leads: of a window.
        length: of a window, in samples.
        classes: columns of c; 0 for one class.
        config: settings.
    """

    def __init__(self, leads: int, length: int, classes: int, config: TimeVaeConfig) -> None:
        super().__init__()
        widths = config.channels
        self.steps = length
        for _ in widths:
            self.steps = math.ceil(self.steps / 2)
        before: list[nn.Module] = []
        for inputs, outputs in zip((leads + classes, *widths), widths, strict=False):
            before += [nn.Conv1d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()]
        self.encoder = nn.Sequential(*before, nn.Flatten())
        flat = self.steps * widths[-1]
        self.posterior = nn.Linear(flat, 2 * config.latent)
        inputs = config.latent + classes
        self.level = _two_layers(inputs, leads)
        self.trend = _two_layers(inputs, leads * config.trend) if config.trend else None
        self.spread = nn.Sequential(nn.Linear(inputs, flat), nn.ReLU())
        after: list[nn.Module] = []
        mirrored = (*widths[::-1], leads)
        for wide, narrow in pairwise(mirrored):
            after += [
                nn.ConvTranspose1d(wide, narrow, 3, stride=2, padding=1, output_padding=1),
                nn.ReLU(),
            ]
        grown = self.steps * 2 ** len(widths)
        self.residual = nn.Sequential(
            *after, nn.Flatten(), nn.Linear(leads * grown, leads * length)
        )
        self.shape = (leads, length)

    def encode(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of z."""
        channels = c[:, :, None].expand(-1, -1, x.shape[2])
        mean, log_variance = self.posterior(self.encoder(torch.cat([x, channels], dim=1))).chunk(
            2, dim=1
        )
        return mean, log_variance

    def decode(self, z: Tensor, c: Tensor) -> Tensor:
        """Return x̂, shape (window, lead, sample)."""
        inputs = torch.cat([z, c], dim=1)
        spread = self.spread(inputs).view(len(z), -1, self.steps)
        x: Tensor = self.residual(spread).view(-1, *self.shape) + self.level(inputs)[:, :, None]
        if self.trend is not None:
            leads, length = self.shape
            factors = self.trend(inputs).view(len(z), leads, -1)
            time = torch.arange(length, dtype=x.dtype, device=x.device) / length
            powers = torch.stack([time ** (power + 1) for power in range(factors.shape[2])])
            x = x + factors @ powers
        return x


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs))
