"""Denoising diffusion of samples by a transformer.

Source: Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative models",
NeurIPS 2022: preconditioning, distribution of noise levels and loss (table 1, section 5), and the
deterministic sampler (algorithm 1).  The network is DiT (`transformer.py`).  Diffusion models of this kind
go back to Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020.

Leads are scaled to the deviation ``sigma_data``, for which the paper chose its noise levels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch

from ecgbench.generators.diffusion.model import draw, train_network
from ecgbench.generators.diffusion.transformer import Transformer
from ecgbench.nn.training import LeadScale, count, noise
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.diffusion.model import Loss
    from ecgbench.generators.diffusion.settings import DdpmConfig

    Denoiser = Callable[[Tensor, Tensor], Tensor]

TIMES = 100.0
"""The network sees c_noise times this: its waves are for numbers of such a range."""


class Preconditioning(NamedTuple):
    """What surrounds the network at noise levels σ, table 1: D(x, σ) = c_skip x + c_out F(c_in x, c_noise).

    Attributes:
        skip: c_skip, shape of σ.
        out: c_out.
        into: c_in.
        noise: c_noise.
    """

    skip: Tensor
    out: Tensor
    into: Tensor
    noise: Tensor

    @classmethod
    def at(cls, sigma: Tensor, sigma_data: float) -> Preconditioning:
        """Return the coefficients at noise levels.

        Args:
            sigma: σ, above 0.
            sigma_data: deviation of the data.
        """
        total = sigma**2 + sigma_data**2
        return cls(
            sigma_data**2 / total,
            sigma * sigma_data / total.sqrt(),
            1 / total.sqrt(),
            sigma.log() / 4,
        )


class Ddpm:
    """A denoising diffusion model of windows, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the network; 0 before the fit.
    """

    def __init__(self, config: DdpmConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        config = self.config
        self.like, self.labels = train.take(slice(0)), train.labels
        self.scale = LeadScale.of(train)
        network = self._build(torch.Generator().manual_seed(context.seed))
        self.parameters = count(network)
        self.network = train_network(
            "ddpm",
            context,
            config,
            train,
            network=network,
            x=config.sigma_data * self.scale.forward(train.signals),
            loss=self._loss,
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label; a class that ``train`` lacks is drawn as any of its."""
        self.network.to(context.device)
        x, _ = draw(self.like.classes, self.labels, labels, context, self._denoised)
        return self.like.synthetic(
            self.scale.inverse(torch.from_numpy(x) / self.config.sigma_data), labels
        )

    def save(self, folder: Path) -> None:
        """Write the scaling and the network."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            scale=self.scale,
            network=weights(self.network),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.scale = LeadScale(*parts["scale"])
        self.network = with_weights(self._build(torch.Generator()), parts["network"])

    def _build(self, start: torch.Generator) -> nn.Module:
        """Return the network at its start."""
        config, like = self.config, self.like
        return Transformer(
            len(like.leads),
            like.length,
            len(like.classes),
            patch=config.patch,
            width=config.width,
            blocks=config.blocks,
            heads=config.heads,
            generator=start,
        )

    def _loss(self, rng: np.random.Generator) -> Loss:
        def loss(network: nn.Module, x: Tensor, labels: Tensor, rows: NDArray[np.int64]) -> Tensor:
            config = self.config
            levels = noise(rng, len(rows), 1, 1).to(x.device)
            sigma = (config.p_mean + config.p_std * levels).exp()
            noisy = x + sigma * noise(rng, *x.shape).to(x.device)
            of = Preconditioning.at(sigma, config.sigma_data)
            found = network(of.into * noisy, TIMES * of.noise.flatten(), labels)
            # the weight λ(σ) = 1 / c_out² of the denoised window makes this (equation 8)
            return torch.nn.functional.mse_loss(found, (x - of.skip * noisy) / of.out)

        return loss

    def _denoised(self, labels: Tensor, rng: np.random.Generator) -> Tensor:
        def denoiser(x: Tensor, sigma: Tensor) -> Tensor:
            of = Preconditioning.at(sigma, self.config.sigma_data)
            times = (TIMES * of.noise).expand(len(x))
            found: Tensor = of.skip * x + of.out * self.network(of.into * x, times, labels)
            return found

        shape = (len(labels), *self.like.signals.shape[1:])
        levels = noise_levels(
            self.config.steps, self.config.sigma_min, self.config.sigma_max, self.config.rho
        ).to(labels.device)
        start = levels[0] * noise(rng, *shape).to(labels.device)
        return heun(denoiser, start, levels)


def noise_levels(steps: int, sigma_min: float, sigma_max: float, rho: float) -> Tensor:
    """Return σ_0 > … > σ_steps = 0, equation 5; float32, shape (steps + 1,)."""
    places = torch.linspace(0, 1, steps, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    levels = (high + places * (low - high)) ** rho
    return torch.cat([levels, levels.new_zeros(1)]).float()


def heun(denoiser: Denoiser, x: Tensor, levels: Tensor) -> Tensor:
    """Denoise windows by Heun's method, algorithm 1.

    Args:
        denoiser: D(x, σ), of windows at one noise level, a scalar.
        x: windows at the first level.
        levels: falling to 0.
    """
    for level, following in pairwise(levels):
        slope = (x - denoiser(x, level)) / level
        ahead = x + (following - level) * slope
        if following > 0:
            second = (ahead - denoiser(ahead, following)) / following
            ahead = x + (following - level) * (slope + second) / 2
        x = ahead
    return x
