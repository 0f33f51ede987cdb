"""The recurrent conditional GAN as the harness calls it: scaling, losses, training and sampling.

Source: Esteban, Hyland, Rätsch, arXiv:1706.02633, 2017, section 3, and the authors' code.  The
discriminator's loss is the mean cross-entropy over all steps, the generator's is the same with the labels
turned round.  The discriminator has plain SGD, the generator Adam.  Each lead is divided by its greatest
distance from 0 in all training windows, so it lies in [−1, 1], the range of the generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import softplus

from ecgbench import known_labels
from ecgbench.contracts.streams import RcGanStream
from ecgbench.generators.rcgan.networks import Networks
from ecgbench.nn.conditional import PeakScale, one_hot
from ecgbench.nn.training import Training, batch, count, noise
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.rcgan import RcGanConfig

SAMPLING_BATCH = 512


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the cross-entropy of real windows (label 1) plus that of synthetic ones (label 0).

    Args:
        real: logits at each step, shape (batch, time, 1).
        fake: the same of synthetic windows.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Return the cross-entropy of synthetic windows with label 1."""
    return softplus(-fake).mean()


class RcGan:
    """Recurrent conditional GAN.

    Args:
        config: settings.

    Attributes:
        parameters: weights of both networks; 0 before the fit.
    """

    def __init__(self, config: RcGanConfig) -> None:
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
        x = self.scale.forward(train.signals).mT.contiguous().to(device)
        s = one_hot(train.labels, self.like.classes, device)
        networks = self._build(torch.Generator().manual_seed(context.seed))
        self.networks = networks.to(device)
        self.parameters = count(networks)
        rng = np.random.default_rng([context.seed, RcGanStream.TRAINING])
        sgd = torch.optim.SGD(networks.discriminator.parameters(), config.discriminator_rate)
        adam = torch.optim.Adam(networks.generator.parameters(), config.learning_rate, fused=True)

        def rows() -> Tensor:
            return torch.from_numpy(batch(rng, len(x), config.batch))

        def improve_discriminator() -> Tensor:
            chosen = rows()
            real, classes = x[chosen], s[chosen]
            with torch.no_grad():
                fake = self._draw(rng, classes)
            both = torch.cat([real, fake])
            logits = networks.discriminate(both, torch.cat([classes, classes]))
            loss = discriminator_loss(*logits.chunk(2))
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            return loss.detach()

        def improve_generator() -> Tensor:
            classes = s[rows()]
            networks.discriminator.requires_grad_(requires_grad=False)
            loss = generator_loss(networks.discriminate(self._draw(rng, classes), classes))
            adam.zero_grad()
            loss.backward()
            adam.step()
            networks.discriminator.requires_grad_(requires_grad=True)
            return loss.detach()

        def iterate(_: int) -> dict[str, Tensor]:
            judged = [improve_discriminator() for _ in range(config.discriminator_steps)]
            made = [improve_generator() for _ in range(config.generator_steps)]
            return {"discriminator": judged[-1], "generator": made[-1]}

        training = Training(
            "rcgan",
            context,
            config,
            train,
            modules={"networks": networks},
            optimisers={"sgd": sgd, "adam": adam},
            rng=rng,
        )
        training.run(iterate, config.iterations)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label.

        If the training windows lack a class, its windows are drawn as if their labels were any of
        theirs, at their frequency.
        """
        rng = np.random.default_rng([context.seed, RcGanStream.SAMPLE])
        known = known_labels(labels, self.labels, self.like.classes, rng)
        self.networks.to(context.device)
        with torch.inference_mode():
            parts = [
                self._draw(rng, classes)
                for classes in one_hot(known, self.like.classes, context.device).split(
                    SAMPLING_BATCH
                )
            ]
        return self.like.synthetic(self.scale.inverse(torch.cat(parts).mT), labels)

    def save(self, folder: Path) -> None:
        """Write the scaling and the generator."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            scale=self.scale,
            networks=weights(self.networks, "discriminator"),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.scale = PeakScale(*parts["scale"])
        networks = self._build(torch.Generator())
        self.networks = with_weights(networks, parts["networks"], "discriminator")

    def _build(self, start: torch.Generator) -> Networks:
        """Return the networks at their start."""
        like, config = self.like, self.config
        return Networks(len(like.leads), len(like.classes), config.hidden, config.latent, start)

    def _draw(self, rng: np.random.Generator, classes: Tensor) -> Tensor:
        """Return windows of the present generator, one for each class, (batch, time, lead)."""
        z = noise(rng, len(classes), self.like.length, self.config.latent).to(classes.device)
        return self.networks.generate(z, classes)
