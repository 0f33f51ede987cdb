"""The three phases of TimeGAN's training.

Source: Yoon, Jarrett, van der Schaar, "Time-series Generative Adversarial Networks", NeurIPS 2019,
section 4.3, and the authors' code (https://github.com/jsyoon0823/TimeGAN).  The schedule is the code's:

1. embedding: embedder and recovery learn to reconstruct;
2. supervised: the supervisor learns to predict the next latent of real windows;
3. joint: twice the generator with the supervisor, then the embedder with the recovery, on one batch;
   then, on a fresh batch, the discriminator, but only if its loss is above a threshold.

There are five Adam optimisers, as in the code: one for each phase and part, none with another's moments.
(The code's second phase names the generator's weights too, but its loss does not depend on them.)  Torch
adds Adam's ε = 10⁻⁸ after the bias correction of the second moment, TensorFlow before.

An update computes gradients only for the weights it trains.  Within a joint iteration the embedder's
latents are computed once for both updates: its weights do not change in between.
"""

from __future__ import annotations

import copy
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch

from ecgbench.contracts.streams import TimeGanStream
from ecgbench.generators.timegan.losses import (
    adversarial_loss,
    discriminator_loss,
    embedder_loss,
    generator_loss,
    moment_loss,
    reconstruction_loss,
    supervised_loss,
)
from ecgbench.generators.timegan.networks import Networks
from ecgbench.nn import checkpoint
from ecgbench.nn.training import average

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from ecgbench import Context
    from ecgbench.generators.timegan import TimeGanConfig

GENERATOR_UPDATES = 2
"""Updates of generator and embedder in a joint iteration, to one of the discriminator."""

PHASES = {"embedding": 1, "supervised": 1, "joint": 2 * GENERATOR_UPDATES + 1}
"""Updates in an iteration of each phase: a fit reports its progress in updates."""

LOG_EVERY = 10  # iterations
CHECKPOINT_EVERY = 60.0  # seconds


class Training:
    """The state of a fit, and its updates.

    Args:
        config: settings.
        x: scaled signals, float32 (window, time, lead) in [0, 1].
        s: one-hot classes, float32 (window, static), static = 0 for one class.
        context: seed, device, log and folder of checkpoints.
        data: digest of the training data; a checkpoint must have the same.

    Attributes:
        networks: the five networks.
        sampler: the networks to sample with: the same, or with ``ema`` their running mean.
        losses: the values of the last iteration.
        done: iterations done of each phase.
    """

    def __init__(
        self, config: TimeGanConfig, x: Tensor, s: Tensor, context: Context, *, data: str
    ) -> None:
        self.config, self.x, self.s, self.context = config, x, s, context
        weights = torch.Generator().manual_seed(context.seed)
        self.networks = Networks(x.shape[2], s.shape[1], config, weights).to(context.device)
        self.sampler = copy.deepcopy(self.networks) if config.ema else self.networks
        self.rng = np.random.default_rng([context.seed, TimeGanStream.TRAINING])
        nets = self.networks
        self.adams = {
            "embedding": self._adam(nets.embedder, nets.recovery),
            "supervised": self._adam(nets.supervisor),
            "embedder": self._adam(nets.embedder, nets.recovery),
            "generator": self._adam(nets.generator, nets.supervisor),
            "discriminator": self._adam(nets.discriminator),
        }
        self.losses: dict[str, float] = {}
        self._checkpoint_due = time.monotonic() + CHECKPOINT_EVERY
        self.iterations = {
            "embedding": config.embedding_iterations,
            "supervised": config.supervised_iterations,
            "joint": config.iterations,
        }
        self.done = dict.fromkeys(PHASES, 0)
        self.phase = "embedding"
        self.fit = {
            "timegan": 1,
            "settings": msgspec.to_builtins(config),
            "seed": context.seed,
            "device": context.device,
            "threads": context.threads,
            "data": data,
        }

    def run(self) -> Iterator[dict[str, int]]:
        """Train, from the checkpoint if there is one; yield ``done`` after each iteration.

        Raises:
            FloatingPointError: a loss is NaN or infinite; the message names phase and step.
        """
        self._resume()
        iterate = {
            "embedding": self._iterate_embedding,
            "supervised": self._iterate_supervised,
            "joint": self._iterate_joint,
        }
        for phase in PHASES:
            self.phase = phase
            while self.done[phase] < self.iterations[phase]:
                self._set_learning_rate()
                iterate[phase]()
                self.done[phase] += 1
                self._average()
                if time.monotonic() >= self._checkpoint_due:
                    self._save()
                if self.done[phase] % LOG_EVERY == 0 or self.done[phase] == self.iterations[phase]:
                    self.context.log(
                        _updates(self.done), total=_updates(self.iterations), **self.losses
                    )
                yield self.done
            self.losses.clear()

    def _iterate_embedding(self) -> None:
        self.update_embedding(*self._batch())

    def _iterate_supervised(self) -> None:
        self.update_supervisor(*self._batch())

    def _iterate_joint(self) -> None:
        for _ in range(GENERATOR_UPDATES):
            x, s = self._batch()
            h = self.networks.embed(x, s)
            self.update_generator(x, s, h.detach(), self._noise(x))
            self.update_embedder(x, s, h)
        x, s = self._batch()
        self.update_discriminator(x, s, self._noise(x))

    def update_embedding(self, x: Tensor, s: Tensor) -> None:
        """Minimise L_R (equation 7) with embedder and recovery: the first phase."""
        nets = self.networks
        loss = reconstruction_loss(x, nets.recover(nets.embed(x, s)))
        self._note(reconstruction=loss)
        self._step("embedding", loss)

    def update_supervisor(self, x: Tensor, s: Tensor) -> None:
        """Minimise L_S (equation 9) with the supervisor: the second phase."""
        nets = self.networks
        with torch.no_grad():
            h = nets.embed(x, s)
        loss = supervised_loss(h, nets.supervise(h, s))
        self._note(supervised=loss)
        self._step("supervised", loss)

    def update_generator(self, x: Tensor, s: Tensor, h: Tensor, z: Tensor) -> None:
        """Minimise equation 11 with the moments, with generator and supervisor; h carries no gradient."""
        nets = self.networks
        with _frozen(nets.recovery, nets.discriminator):
            e_hat = nets.generate(z, s)
            twice = torch.cat([s, s])
            h_supervised, h_hat = nets.supervise(torch.cat([h, e_hat]), twice).chunk(2)
            y_hat, y_e = nets.discriminate(torch.cat([h_hat, e_hat]), twice).chunk(2)
            adversarial = adversarial_loss(y_hat, y_e, self.config.gamma)
            supervised = supervised_loss(h, h_supervised)
            moments = moment_loss(x, nets.recover(h_hat))
            self._note(generator=adversarial, supervised=supervised, moments=moments)
            loss = generator_loss(
                adversarial,
                supervised,
                moments,
                supervised_weight=self.config.supervised_weight,
                moment_weight=self.config.moment_weight,
            )
            self._step("generator", loss)

    def update_embedder(self, x: Tensor, s: Tensor, h: Tensor) -> None:
        """Minimise equation 10 with embedder and recovery, beside the present supervisor."""
        nets = self.networks
        with _frozen(nets.supervisor):
            reconstruction = reconstruction_loss(x, nets.recover(h))
            supervised = supervised_loss(h, nets.supervise(h, s))
            self._note(reconstruction=reconstruction)
            self._step("embedder", embedder_loss(reconstruction, supervised))

    def update_discriminator(self, x: Tensor, s: Tensor, z: Tensor) -> None:
        """Minimise −L_U (equation 8) with the discriminator, unless it is good enough already."""
        nets = self.networks
        with torch.no_grad():
            h, e_hat = nets.embed(x, s), nets.generate(z, s)
            h_hat = nets.supervise(e_hat, s)
        latents = torch.cat([h, h_hat, e_hat])
        y, y_hat, y_e = nets.discriminate(latents, torch.cat([s, s, s])).chunk(3)
        loss = discriminator_loss(y, y_hat, y_e, self.config.gamma)
        self._note(discriminator=loss)
        if self.losses["discriminator"] > self.config.discriminator_threshold:
            self._step("discriminator", loss)

    def _set_learning_rate(self) -> None:
        rate = self.config.learning_rate
        if self.config.learning_rate_schedule == "cosine":
            rate *= (
                1 + math.cos(math.pi * self.done[self.phase] / self.iterations[self.phase])
            ) / 2
        for adam in self.adams.values():
            adam.param_groups[0]["lr"] = rate

    def _average(self) -> None:
        """Move the running mean on; until the joint phase it is the weights themselves.

        In the mean over the joint iterations each has ``ema`` times the weight of the next.
        """
        if self.sampler is not self.networks:
            average(self.sampler, self.networks, self.config.ema, max(self.done["joint"], 1))

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Return a batch of different windows: x (batch, time, lead), s (batch, static)."""
        windows = len(self.x)
        size = min(self.config.batch, windows)
        rows = torch.from_numpy(self.rng.choice(windows, size, replace=False, shuffle=False))
        return self.x[rows], self.s[rows]

    def _noise(self, x: Tensor) -> Tensor:
        return draw_noise(self.config, x.shape, self.rng).to(x.device)

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        weights = [weight for network in networks for weight in network.parameters()]
        return torch.optim.Adam(weights, self.config.learning_rate, fused=True)

    def _step(self, adam: str, loss: Tensor) -> None:
        self.adams[adam].zero_grad()
        loss.backward()
        self.adams[adam].step()

    def _note(self, **losses: Tensor) -> None:
        for name, loss in losses.items():
            self.losses[name] = value = loss.item()
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"timegan diverged at {self.phase} step {self.done[self.phase] + 1}: "
                    f"{name} loss is {value}; try a smaller learning_rate"
                )

    def _modules(self) -> dict[str, Networks]:
        modules = {"networks": self.networks, "sampler": self.sampler}
        return modules if self.config.ema else {"networks": self.networks}

    def _save(self) -> None:
        progress = {"done": self.done, "random": self.rng.bit_generator.state}
        tensors = checkpoint.gather(self._modules(), self.adams)
        checkpoint.save(
            self.context.checkpoint_dir,
            "timegan",
            fit=self.fit,
            progress=progress,
            tensors=tensors,
        )
        self._checkpoint_due = time.monotonic() + CHECKPOINT_EVERY

    def _resume(self) -> None:
        checkpointed = checkpoint.load(self.context.checkpoint_dir, "timegan", fit=self.fit)
        if checkpointed is not None:
            progress, tensors = checkpointed
            checkpoint.scatter(tensors, self._modules(), self.adams)
            self.done = progress["done"]
            self.rng.bit_generator.state = progress["random"]
            print(f"timegan: resumed after {self.done} iterations")  # noqa: T201 - the cell's log


def draw_noise(config: TimeGanConfig, shape: torch.Size, rng: np.random.Generator) -> Tensor:
    """Return z, float32 (batch, time, lead + static_noise): the generator's random input, section 4.2.

    Args:
        config: the kind of noise.
        shape: (batch, time, lead).
        rng: source of the noise.
    """
    if config.noise == "uniform":
        z = rng.random(shape, dtype=np.float32)
    else:
        z = rng.standard_normal(shape, dtype=np.float32)
    if config.noise == "wiener":
        z = np.cumsum(z, axis=1) / np.float32(math.sqrt(shape[1]))
    if config.static_noise:
        held = rng.standard_normal((shape[0], 1, config.static_noise), dtype=np.float32)
        z = np.concatenate([z, held.repeat(shape[1], axis=1)], axis=2)
    return torch.from_numpy(z)


@contextmanager
def _frozen(*networks: nn.Module) -> Iterator[None]:
    """Compute no gradients of these networks' weights; through them gradients still flow."""
    for network in networks:
        network.requires_grad_(requires_grad=False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(requires_grad=True)


def _updates(iterations: Mapping[str, int]) -> int:
    return sum(PHASES[phase] * count for phase, count in iterations.items())
