"""SSSD-ECG: diffusion by residual layers of state spaces, conditional on the class.

Source: Alcaraz, Strodthoff, "Diffusion-based conditional ECG generation with structured state space
models", Comput Biol Med 163:107115, 2023, and the authors' code (https://github.com/AI4HealthUOL/SSSD-ECG).
A residual layer is a widening convolution over three samples, a state space, the class, another state
space, and a gate; all layers add to the output.  Noise, its schedule and the loss are those of Ho, Jain,
Abbeel (NeurIPS 2020): 200 steps, β from 1e-4 to .02 on a line.

Differences from the code: the state spaces are S4D (`state_space.py`) and not S4; there are fewer and
narrower layers (``layers``, ``channels``, ``states``); convolutions have no normalised weights; and
sampling takes fewer steps, without noise (Song, Meng, Ermon, "Denoising diffusion implicit models", ICLR
2021, equation 12 with η = 0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss, relu, silu

from ecgbench.generators.diffusion.model import draw, train_network
from ecgbench.generators.diffusion.networks import linear, waves
from ecgbench.generators.diffusion.state_space import StateLayer, along
from ecgbench.nn.training import LeadScale, count, noise
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.diffusion.model import Loss
    from ecgbench.generators.diffusion.settings import SssdEcgConfig

    Predictor = Callable[[Tensor, int], Tensor]

EMBEDDING = 128
"""Numbers of a step and of a class inside (the code's diffusion_step_embed_dim_in, label_embed_dim)."""


class SssdNetwork(nn.Module):
    """Predicts the noise of a window.

    Args:
        leads: leads of a window.
        classes: number of classes.
        channels: of a residual layer; twice as many within.
        layers: number of residual layers.
        states: of the state spaces.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        leads: int,
        classes: int,
        *,
        channels: int,
        layers: int,
        states: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.of_step = nn.ModuleList(linear(EMBEDDING, EMBEDDING, generator) for _ in range(2))
        self.of_class = nn.Parameter(torch.randn(classes, EMBEDDING, generator=generator))
        self.first = linear(leads, channels, generator)
        self.layers = nn.ModuleList(
            ResidualLayer(channels, states, generator) for _ in range(layers)
        )
        self.inner = linear(channels, channels, generator)
        self.last = linear(channels, leads, generator, zero=True)

    def forward(self, x: Tensor, steps: Tensor, labels: Tensor) -> Tensor:
        """Map (window, lead, sample) to the same.

        Args:
            x: float32, shape (window, lead, sample).
            steps: int64, shape (window,): steps of noise, from 0.
            labels: int64, shape (window,).
        """
        step = waves(steps.float(), EMBEDDING)
        for layer in self.of_step:
            step = silu(layer(step))
        label = self.of_class[labels]
        h = relu(along(self.first, x.transpose(0, 1)))
        total = torch.zeros_like(h)
        for layer in self.layers:
            h, skipped = layer(h, step, label)
            total = total + skipped
        out = relu(along(self.inner, total * math.sqrt(1 / len(self.layers))))
        return along(self.last, out).transpose(0, 1)


class ResidualLayer(nn.Module):
    """A residual layer of `SssdNetwork`."""

    def __init__(self, channels: int, states: int, generator: torch.Generator) -> None:
        super().__init__()
        self.of_step = linear(EMBEDDING, channels, generator)
        self.of_class = linear(EMBEDDING, 2 * channels, generator)
        self.widening = linear(3 * channels, 2 * channels, generator)
        self.before = StateLayer(2 * channels, states, generator)
        self.after = StateLayer(2 * channels, states, generator)
        self.onward = linear(channels, channels, generator)
        self.skipping = linear(channels, channels, generator)

    def forward(self, x: Tensor, step: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the next layer and this layer's share of the output.

        Args:
            x: shape (channel, window, sample).
            step: what the step of noise is like, shape (window, `EMBEDDING`).
            label: what the class is like, shape (window, `EMBEDDING`).
        """
        h = x + self.of_step(step).T[..., None]
        ends = nn.functional.pad(h, (1, 1))
        h = torch.cat([ends[..., :-2], h, ends[..., 2:]])
        h = self.before(along(self.widening, h))
        h = self.after(h + self.of_class(label).T[..., None])
        signal, gate = h.chunk(2)
        h = torch.tanh(signal) * torch.sigmoid(gate)
        return (x + along(self.onward, h)) * math.sqrt(0.5), along(self.skipping, h)


class SssdEcg:
    """A diffusion model of windows, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the network; 0 before the fit.
    """

    def __init__(self, config: SssdEcgConfig) -> None:
        self.config = config
        self.parameters = 0
        self.kept = kept_variance(config.noise_steps, config.beta_min, config.beta_max)

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
            "sssd-ecg",
            context,
            config,
            train,
            network=network,
            x=self.scale.forward(train.signals),
            loss=self._loss,
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label; a class that ``train`` lacks is drawn as any of its."""
        self.network.to(context.device)
        x, _ = draw(self.like.classes, self.labels, labels, context, self._denoised)
        return self.like.synthetic(self.scale.inverse(torch.from_numpy(x)), labels)

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
        return SssdNetwork(
            len(self.like.leads),
            len(self.like.classes),
            channels=self.config.channels,
            layers=self.config.layers,
            states=self.config.states,
            generator=start,
        )

    def _loss(self, rng: np.random.Generator) -> Loss:
        def loss(network: nn.Module, x: Tensor, labels: Tensor, rows: NDArray[np.int64]) -> Tensor:
            steps = torch.from_numpy(rng.integers(self.config.noise_steps, size=len(rows)))
            kept = self.kept[steps].to(x.device)[:, None, None]
            white = noise(rng, *x.shape).to(x.device)
            noisy = kept.sqrt() * x + (1 - kept).sqrt() * white
            return mse_loss(network(noisy, steps.to(x.device), labels), white)

        return loss

    def _denoised(self, labels: Tensor, rng: np.random.Generator) -> Tensor:
        def predictor(x: Tensor, step: int) -> Tensor:
            found: Tensor = self.network(x, torch.full_like(labels, step), labels)
            return found

        shape = (len(labels), *self.like.signals.shape[1:])
        start = noise(rng, *shape).to(labels.device)
        return implicit(predictor, start, self.kept, self.config.steps)


def kept_variance(steps: int, beta_min: float, beta_max: float) -> Tensor:
    """Return ᾱ after each step of noise, float32, shape (steps,): β grows on a line."""
    betas = torch.linspace(beta_min, beta_max, steps, dtype=torch.float64)
    return torch.cumprod(1 - betas, dim=0).float()


def implicit(predictor: Predictor, x: Tensor, kept: Tensor, steps: int) -> Tensor:
    """Denoise windows without further noise (Song, Meng, Ermon, equation 12 with η = 0).

    Args:
        predictor: ε of windows at a step of noise.
        x: windows after the last step.
        kept: ᾱ of each step.
        steps: evenly spread steps of noise to visit, at most all.
    """
    visited = np.unique(np.linspace(0, len(kept) - 1, steps).round().astype(int))[::-1]
    for place, step in enumerate(visited):
        predicted = predictor(x, int(step))
        clean = (x - (1 - kept[step]).sqrt() * predicted) / kept[step].sqrt()
        after = kept[visited[place + 1]] if place + 1 < len(visited) else kept.new_ones(())
        x = after.sqrt() * clean + (1 - after).sqrt() * predicted
    return x
