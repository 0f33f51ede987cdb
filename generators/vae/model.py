"""The variational autoencoder as the harness calls it: fit, prior, residual and sampling.

A window is a point x of up to ``components`` principal components, each of deviation 1.  Encoder and
decoder are Gaussian (`networks.py`), and their weights maximise the evidence lower bound (Kingma,
Welling, ICLR 2014)::

    E_q(z | x, c) log p(x | z, c) − β KL(q(z | x, c) ‖ N(0, I))

The decoder's variances are learned (Rybkin, Daniilidis, Levine, ICML 2021), and depend on z: noisy and
clean windows differ.  Latents are drawn from a mixture for each class (`prior.py`).

A decoder's mean alone is too smooth: it lacks all that z does not tell.  So windows are drawn with the
decoder's noise, and its colour is measured.  A tenth of the training windows is held out of the training.
Their residuals (x − mean) / deviation have the covariance C, and a window is::

    x = mean + deviation · C^½ ε,    ε ~ N(0, I)

If the training windows lack a class, it is drawn as if its label were any of theirs, at their frequency.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf

from ecgbench import known_labels
from ecgbench.contracts.streams import VaeStream
from ecgbench.gaussians import symmetric_roots
from ecgbench.generators.vae.networks import Autoencoder
from ecgbench.generators.vae.prior import Prior, fit_priors
from ecgbench.generators.vae.space import Space
from ecgbench.nn.training import Training, average, batch, count, noise, warm_cosine
from ecgbench.nn.variational import (
    classes,
    divergence,
    negative_log_likelihood,
    reparametrised,
    seeded,
)
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.vae import VaeConfig

    Floats = NDArray[np.float64]


HELD_OUT = 10
"""One window in so many is held out of the training."""

WARM = 200
"""Iterations of the learning rate's rise, at most a tenth of all."""

SAMPLING_BATCH = 4096


class Vae:
    """A variational autoencoder of dense layers, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of encoder and decoder, and free numbers of the mixtures, the residual
            and the principal components; 0 before the fit.
    """

    def __init__(self, config: VaeConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train, then fit the prior of each class and the residual.

        Raises:
            FloatingPointError: a loss is NaN or infinite.
        """
        self.like, self.labels = train.take(slice(0)), train.labels
        self.space = Space.of(train, self.config.components)
        x = torch.from_numpy(self.space.forward(train))
        c = classes(train.labels, len(train.classes))
        rng = np.random.default_rng([context.seed, VaeStream.TRAINING])
        held_out: NDArray[np.bool_] = np.zeros(len(train), dtype=bool)
        held_out[rng.permutation(len(train))[: len(train) // HELD_OUT]] = True
        seen = torch.from_numpy(~held_out)
        self.network = self._train(x[seen], c[seen], train, context, rng)
        self._estimate(x, c, held_out, np.random.default_rng([context.seed, VaeStream.PRIOR]))
        self.parameters = (
            count(self.network)
            + sum(prior.free for prior in self.priors.values())
            + self.root.shape[0] * (self.root.shape[0] + 1) // 2
            + self.space.mean.size
            + self.space.axes.size
            + self.space.beside.size
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, VaeStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        z = np.empty((len(labels), self.config.latent))
        for label, prior in self.priors.items():
            rows = drawn == label
            z[rows] = prior.draw(int(rows.sum()), rng)
        c = classes(drawn, len(self.like.classes))
        parts = [np.zeros((0, len(self.space.axes)), dtype=np.float32)]
        with torch.inference_mode():
            for own, label in zip(
                torch.from_numpy(z.astype(np.float32)).split(SAMPLING_BATCH),
                c.split(SAMPLING_BATCH),
                strict=True,
            ):
                mean, log_variance = self.network.decode(own, label)
                residual = noise(rng, *mean.shape) @ self.root
                parts.append(reparametrised(mean, log_variance, residual).numpy())
        return self.like.synthetic(self.space.inverse(np.concatenate(parts), rng), labels)

    def save(self, folder: Path) -> None:
        """Write space, priors, residual and decoder."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            space=self.space,
            priors={str(label): prior for label, prior in self.priors.items()},
            root=self.root.numpy(),
            network=weights(self.network, "encoder"),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.space = Space(*parts["space"])
        self.priors = {int(label): Prior(*of) for label, of in parts["priors"].items()}
        self.root = torch.from_numpy(parts["root"])
        self.network = with_weights(self._build(torch.Generator()), parts["network"], "encoder")

    def _build(self, generator: torch.Generator) -> Autoencoder:
        """Return the network at its start."""
        columns = classes(self.like.labels, len(self.like.classes)).shape[1]
        return seeded(lambda: Autoencoder(len(self.space.axes), columns, self.config), generator)

    def _train(
        self,
        x: Tensor,
        c: Tensor,
        train: EcgWindows,
        context: Context,
        rng: np.random.Generator,
    ) -> Autoencoder:
        config, device = self.config, context.device
        network = self._build(torch.Generator().manual_seed(context.seed)).to(device)
        mean_network = copy.deepcopy(network)
        x, c = x.to(device), c.to(device)
        adam = torch.optim.Adam(network.parameters(), config.learning_rate, fused=True)
        warm = min(WARM, max(config.iterations // 10, 1))

        def iterate(iteration: int) -> dict[str, Tensor]:
            rows = batch(rng, len(x), config.batch)
            mean, log_variance = network.encode(x[rows], c[rows])
            z = reparametrised(mean, log_variance, noise(rng, *mean.shape).to(device))
            error = negative_log_likelihood(x[rows], *network.decode(z, c[rows])).mean()
            kl = divergence(mean, log_variance).mean()
            adam.param_groups[0]["lr"] = config.learning_rate * warm_cosine(
                iteration, config.iterations, warm
            )
            adam.zero_grad()
            (error + config.beta * kl).backward()
            adam.step()
            average(mean_network, network, config.ema, iteration + 1)
            return {"reconstruction": error, "divergence": kl}

        Training(
            "vae",
            context,
            config,
            train,
            modules={"network": network, "mean": mean_network},
            optimisers={"adam": adam},
            rng=rng,
        ).run(iterate, config.iterations)
        return mean_network.to("cpu")

    def _estimate(
        self, x: Tensor, c: Tensor, held_out: NDArray[np.bool_], rng: np.random.Generator
    ) -> None:
        """Fit the priors to the latents of all windows, the residual to those held out."""
        with torch.inference_mode():
            mean, log_variance = self.network.encode(x, c)
            z = reparametrised(mean, log_variance, noise(rng, *mean.shape))
            # too few windows to hold any out: the residual is then that of the training
            judged = torch.from_numpy(held_out if held_out.any() else ~held_out)
            mean, log_variance = self.network.decode(z[judged], c[judged])
            residual = ((x[judged] - mean) * (-log_variance / 2).exp()).numpy().astype(np.float64)
        self.priors = fit_priors(z.numpy().astype(np.float64), self.labels, self.config, rng)
        self.root = torch.from_numpy(_residual_root(residual).astype(np.float32))


def _residual_root(residual: Floats) -> Floats:
    """Return the symmetric root of the residuals' covariance, shrunk (Ledoit, Wolf, J Multivar Anal 88:365, 2004)."""
    covariance, _ = ledoit_wolf(residual, assume_centered=True)
    return symmetric_roots(covariance)
