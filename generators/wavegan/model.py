"""WaveGAN* and Pulse2Pulse as the harness calls them: scaling, training and sampling.

Source: Thambawita et al., Sci Rep 11:21896, 2021, and the authors' code.  Each lead is divided by its
greatest distance from 0 in all training windows (the authors: by 6 mV), so it lies in [−1, 1], the range of
the generator.  The weights of the last iteration are sampled from, as published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ecgbench import known_labels
from ecgbench.contracts.streams import WaveGanStream
from ecgbench.generators.wavegan.losses import critic_loss, generator_loss, gradient_penalty
from ecgbench.generators.wavegan.networks import Critic, PulseGenerator, WaveGenerator
from ecgbench.nn.conditional import PeakScale, one_hot
from ecgbench.nn.training import Training, batch, count
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.wavegan import WaveGanConfig

SAMPLING_BATCH = 512


class WaveGan:
    """WaveGAN*, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of generator and critic; 0 before the fit.
    """

    name = "wavegan"
    network: type[WaveGenerator | PulseGenerator] = WaveGenerator

    def __init__(self, config: WaveGanConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        config, device = self.config, context.device
        self.like, self.labels = train.take(slice(0)), train.labels
        self.scale = PeakScale.of(train)
        x = self.scale.forward(train.signals).to(device)
        s = one_hot(train.labels, self.like.classes, device)
        leads, length, classes = *train.signals.shape[1:], len(train.classes)
        start = torch.Generator().manual_seed(context.seed)
        self.generator = self._build(start).to(device)
        critic = Critic(leads, length, classes, config, start).to(device)
        self.parameters = count(self.generator, critic)
        rng = np.random.default_rng([context.seed, WaveGanStream.TRAINING])
        adams = {
            name: torch.optim.Adam(
                network.parameters(), config.learning_rate, betas=(0.5, 0.9), fused=True
            )
            for name, network in (("generator", self.generator), ("critic", critic))
        }

        def judge(windows: Tensor, classes: Tensor) -> Tensor:
            shape = (critic.shuffles, len(windows))
            shifts = rng.integers(-config.shuffle, config.shuffle + 1, shape)
            value: Tensor = critic(windows, classes, torch.from_numpy(shifts).to(device))
            return value

        def improve_critic() -> Tensor:
            rows = torch.from_numpy(batch(rng, len(x), config.batch))
            real, classes = x[rows], s[rows]
            with torch.no_grad():
                fake = self._draw(rng, classes)
            share = torch.from_numpy(rng.random((len(rows), 1, 1), dtype=np.float32)).to(device)
            penalty = gradient_penalty(lambda at: judge(at, classes), real, fake, share)
            of_real, of_fake = judge(torch.cat([real, fake]), torch.cat([classes, classes])).chunk(
                2
            )
            loss = critic_loss(of_real, of_fake, penalty, config.penalty)
            adams["critic"].zero_grad()
            loss.backward()
            adams["critic"].step()
            return loss.detach()

        def iterate(_: int) -> dict[str, Tensor]:
            losses = [improve_critic() for _ in range(config.critic_steps)]
            classes = s[torch.from_numpy(batch(rng, len(x), config.batch))]
            critic.requires_grad_(requires_grad=False)
            loss = generator_loss(judge(self._draw(rng, classes), classes))
            adams["generator"].zero_grad()
            loss.backward()
            adams["generator"].step()
            critic.requires_grad_(requires_grad=True)
            return {"critic": losses[-1], "generator": loss.detach()}

        modules = {"generator": self.generator, "critic": critic}
        training = Training(
            self.name, context, config, train, modules=modules, optimisers=adams, rng=rng
        )
        training.run(iterate, config.iterations)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label.

        If the training windows lack a class, its windows are drawn as if their labels were any of
        theirs, at their frequency.
        """
        rng = np.random.default_rng([context.seed, WaveGanStream.SAMPLE])
        known = known_labels(labels, self.labels, self.like.classes, rng)
        self.generator.to(context.device)
        with torch.inference_mode():
            parts = [
                self._draw(rng, classes)
                for classes in one_hot(known, self.like.classes, context.device).split(
                    SAMPLING_BATCH
                )
            ]
        return self.like.synthetic(self.scale.inverse(torch.cat(parts)), labels)

    def save(self, folder: Path) -> None:
        """Write the scaling and the generator."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            scale=self.scale,
            generator=weights(self.generator),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.scale = PeakScale(*parts["scale"])
        self.generator = with_weights(self._build(torch.Generator()), parts["generator"])

    def _build(self, start: torch.Generator) -> WaveGenerator | PulseGenerator:
        """Return the generator at its start."""
        like = self.like
        return self.network(len(like.leads), like.length, len(like.classes), self.config, start)

    def _draw(self, rng: np.random.Generator, classes: Tensor) -> Tensor:
        """Return windows of the present generator, one for each class."""
        shape = (len(classes), *self.generator.noise)
        z = 2 * rng.random(shape, dtype=np.float32) - 1
        windows: Tensor = self.generator(torch.from_numpy(z).to(classes.device), classes)
        return windows


class Pulse2Pulse(WaveGan):
    """Pulse2Pulse, conditional on the class."""

    name = "pulse2pulse"
    network = PulseGenerator
