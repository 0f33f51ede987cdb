"""TimeVAE as the harness calls it: scaling, loss, training and sampling.

Source: Desai and others, "TimeVAE", arXiv:2111.08095, and the authors' code
(https://github.com/abudesai/timeVAE).  As there

- the loss is w · (squared error + squared error of the mean of the leads) + KL, summed over samples,
  with w the ``reconstruction_weight``.  The paper names the first error and the divergence only.  With
  one lead the two errors are equal;
- windows are drawn as the decoder's mean of latents from N(0, I).  There is no noise on them.

The code scales each sample of each lead to [0, 1] by its least and greatest value over the training
windows (``scaling="range"``).  A few large windows then make all others alike, and so the weight of their
errors is small: on mitdb the divergence falls below .05 nats within 600 iterations, and all windows of a
class are its mean.  By default each lead is scaled to deviation 1.

The code sums the loss over the windows of a batch, and here it is their mean.  Adam does not mind, since
a constant factor leaves its steps as they are.  The code halves the learning rate after 30 epochs
without progress, and stops after 50; a reduced fit is over before.

If the training windows lack a class, the networks know nothing of it: any shape may come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ecgbench import Skip
from ecgbench.contracts.streams import TimeVaeStream
from ecgbench.generators.timevae.networks import Autoencoder
from ecgbench.nn.training import LeadScale, Training, batch, count, noise
from ecgbench.nn.variational import classes, divergence, reparametrised, seeded
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.timevae import TimeVaeConfig

SAMPLING_BATCH = 512

MOST_NUMBERS = 4000
"""Of a window: the decoder's last layer has their square as weights, which Adam holds four times (256 MB)."""

ENCODER = ("encoder", "posterior")
"""Parts of the network that sampling does not read."""


class TimeVae:
    """A convolutional variational autoencoder, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of encoder and decoder; 0 before the fit.
    """

    def __init__(self, config: TimeVaeConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train on windows of any number of leads; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
            Skip: a window has more than `MOST_NUMBERS` numbers.
        """
        numbers = len(train.leads) * train.length
        if numbers > MOST_NUMBERS:
            raise Skip(
                f"the decoder ends in a dense layer from all numbers of a window to all, {numbers**2 / 1e6:.0f} "
                f"million weights for {numbers} numbers; at most {MOST_NUMBERS}: fewer leads, or shorter windows"
            )
        config, device = self.config, context.device
        self.like = train.take(slice(0))
        self.scale = _by_range(train) if config.scaling == "range" else LeadScale.of(train)
        x = self.scale.forward(train.signals).to(device)
        c = classes(train.labels, len(train.classes)).to(device)
        start = torch.Generator().manual_seed(context.seed)
        self.network = network = self._build(start).to(device)
        self.parameters = count(network)
        adam = torch.optim.Adam(network.parameters(), config.learning_rate, fused=True)
        rng = np.random.default_rng([context.seed, TimeVaeStream.TRAINING])

        def iterate(_: int) -> dict[str, Tensor]:
            rows = batch(rng, len(x), config.batch)
            mean, log_variance = network.encode(x[rows], c[rows])
            z = reparametrised(mean, log_variance, noise(rng, *mean.shape).to(device))
            error = reconstruction(x[rows], network.decode(z, c[rows])).mean()
            kl = divergence(mean, log_variance).mean()
            adam.zero_grad()
            (config.reconstruction_weight * error + kl).backward()
            adam.step()
            return {"reconstruction": error, "divergence": kl}

        Training(
            "timevae",
            context,
            config,
            train,
            modules={"network": network},
            optimisers={"adam": adam},
            rng=rng,
        ).run(iterate, config.iterations)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, TimeVaeStream.SAMPLE])
        parts = [torch.zeros((0, len(self.like.leads), self.like.length))]
        c = classes(labels, len(self.like.classes)).to(context.device)
        network = self.network.to(context.device)
        with torch.inference_mode():
            for own in c.split(SAMPLING_BATCH):
                z = noise(rng, len(own), self.config.latent).to(context.device)
                parts.append(network.decode(z, own).cpu())
        return self.like.synthetic(self.scale.inverse(torch.cat(parts)), labels)

    def save(self, folder: Path) -> None:
        """Write the scaling and the decoder."""
        network = weights(self.network, *ENCODER)
        save_model(folder, like=self.like, scale=self.scale, network=network)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.scale = parts["like"], LeadScale(*parts["scale"])
        self.network = with_weights(self._build(torch.Generator()), parts["network"], *ENCODER)

    def _build(self, start: torch.Generator) -> Autoencoder:
        """Return the network at its start."""
        like = self.like
        columns = classes(like.labels, len(like.classes)).shape[1]
        return seeded(
            lambda: Autoencoder(len(like.leads), like.length, columns, self.config), start
        )


def _by_range(train: EcgWindows) -> LeadScale:
    """Return the scaling of the authors: `LeadScale` with a column for each sample."""
    low = train.signals.min(axis=0)
    return LeadScale(low, train.signals.max(axis=0) - low + np.float32(1e-7))


def reconstruction(x: Tensor, x_hat: Tensor) -> Tensor:
    """Return the squared error of a window and of the mean of its leads, shape (window,)."""
    error = (x - x_hat).square().sum(dim=(1, 2))
    return error + (x.mean(dim=1) - x_hat.mean(dim=1)).square().sum(dim=1)
