"""Encoders and decoders of the bands, and all networks together.

Source: Lee and others, arXiv:2303.04743, stage 1, and the authors' code of April 2023
(https://github.com/ML4ITS/TimeVQVAE), layer by layer.  Convolutions see frequencies and frames; only
frames are halved and doubled.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ecgbench.generators.timevqvae.codebook import Codebook
from ecgbench.generators.timevqvae.prior import Prior
from ecgbench.generators.timevqvae.spectrum import BANDS, rows

if TYPE_CHECKING:
    from ecgbench.generators.timevqvae import TimeVqVaeConfig

KERNEL, STRIDE, PADDING = (3, 4), (1, 2), (1, 1)
"""Of the layers that halve or double the frames."""


class Band(NamedTuple):
    """The networks of a band.

    Attributes:
        encoder: spectra to latents.
        codebook: latents to codes.
        decoder: codes to spectra.
        prior: of the tokens, the numbers of the codes.
    """

    encoder: nn.Sequential
    codebook: Codebook
    decoder: Decoder
    prior: Prior


class Networks(nn.Module):
    """All networks, by their kind and by their band.

    Args:
        channels: of a spectrum, two for each lead.
        shape: frequencies and frames of a spectrum.
        classes: number of classes.
        config: settings.

    Attributes:
        bands: the networks of ``low`` and ``high``.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int], classes: int, config: TimeVqVaeConfig
    ) -> None:
        super().__init__()
        frequencies, frames = shape
        self.encoders, self.decoders = nn.ModuleDict(), nn.ModuleDict()
        self.codebooks, self.priors = nn.ModuleDict(), nn.ModuleDict()
        self.bands: dict[str, Band] = {}
        below = 0
        for name, wanted in zip(BANDS, (config.low_frames, config.high_frames), strict=True):
            times = halvings(frames, wanted)
            height = len(range(frequencies)[rows(name, frequencies)])
            tokens = height * (frames >> times)
            band = Band(
                encoder(channels, times, config),
                Codebook(config),
                Decoder(channels, (height, frames), times, config),
                Prior(tokens, classes, config, below=below),
            )
            below = tokens
            self.bands[name] = band
            self.encoders[name], self.codebooks[name] = band.encoder, band.codebook
            self.decoders[name], self.priors[name] = band.decoder, band.prior


def halvings(frames: int, wanted: int) -> int:
    """Return how often to halve frames, at least once, so that not fewer than wanted are left."""
    return max(1, int(math.log2(max(frames / wanted, 1))))


def encoder(channels: int, times: int, config: TimeVqVaeConfig) -> nn.Sequential:
    """Return the encoder of a band: spectra to latents, shape (window, width, frequency, frame).

    Args:
        channels: of a spectrum.
        times: how often to halve the frames.
        config: settings.
    """
    width = config.width
    layers: list[nn.Module] = []
    for inputs in (channels, *[width] * (times - 1)):
        halving = nn.Conv2d(inputs, width, KERNEL, STRIDE, PADDING, padding_mode="replicate")
        layers += [halving, nn.BatchNorm2d(width), nn.LeakyReLU()]
    for _ in range(config.blocks):
        layers += [Residual(width, normalised=True), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """The sum of the input and two convolutions of it."""

    def __init__(self, width: int, *, normalised: bool) -> None:
        super().__init__()
        norm = [nn.BatchNorm2d(width)] if normalised else []
        self.layers = nn.Sequential(
            nn.LeakyReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            *norm,
            nn.LeakyReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (window, width, frequency, frame) to the same."""
        out: Tensor = x + self.layers(x)
        return out


class Decoder(nn.Module):
    """The decoder of a band: codes to spectra.

    It doubles the frames once more than the encoder halved them, and then interpolates.

    Args:
        channels: of a spectrum.
        shape: frequencies of the band, and frames.
        times: how often the encoder halved the frames.
        config: settings.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int], times: int, config: TimeVqVaeConfig
    ) -> None:
        super().__init__()
        width = config.width
        layers: list[nn.Module] = []
        for _ in range(config.blocks):
            layers += [Residual(width, normalised=False), nn.BatchNorm2d(width)]
        for _ in range(times - 1):
            doubling = nn.ConvTranspose2d(width, width, KERNEL, STRIDE, PADDING)
            layers += [doubling, nn.BatchNorm2d(width), nn.LeakyReLU()]
        for inputs in (width, channels):
            layers += [nn.ConvTranspose2d(inputs, channels, KERNEL, STRIDE, PADDING)]
        self.layers = nn.Sequential(*layers)
        self.shape = shape

    def forward(self, z: Tensor) -> Tensor:
        """Map (window, width, frequency, fewer frames) to (window, channel, frequency, frame)."""
        return interpolate(self.layers(z), self.shape, mode="bilinear", align_corners=True)


def begin(networks: Networks, generator: torch.Generator) -> Networks:
    """Draw the initial weights of networks and return them; no global draw is used.

    Convolutions and dense layers start as in torch: uniform up to 1 / √inputs.  Norms start as the
    identity, embeddings and codes from N(0, I).
    """
    networks.to_empty(device="cpu")
    with torch.no_grad():
        for module in networks.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                bound = 1 / math.sqrt(module.weight[0].numel())
                module.weight.uniform_(-bound, bound, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm | nn.RMSNorm):
                module.reset_parameters()
            elif isinstance(module, nn.Embedding):
                module.weight.normal_(generator=generator)
            elif isinstance(module, Codebook | Prior):
                module.start(generator)
    return networks
