"""The training loop of a network: one iteration after the other, with a curve, checkpoints and a check.

A generator gives its networks, its optimisers and a function for one iteration.  `Training` draws
nothing itself: all random choices of an iteration come from the one numpy generator that it keeps in
its checkpoints, so a fit that was stopped ends with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ecgbench.contracts.config import as_dict
from ecgbench.nn import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ecgbench.contracts.config import Config
    from ecgbench.contracts.protocols import Context
    from ecgbench.contracts.windows import EcgWindows

LOG_EVERY = 10  # iterations
CHECKPOINT_EVERY = 60.0  # seconds


class Training:
    """The state of a fit: networks, optimisers, random choices and the number of iterations done.

    Args:
        name: of the generator; its files of checkpoints are called so.
        context: seed, log and folder of checkpoints.
        config: settings.  A checkpoint of other settings is not used.
        train: the training windows.  A checkpoint of other windows is not used.
        modules: all networks that training changes, by name, running means of weights among them.
        optimisers: by name.
        rng: draws batches, noise and all else that is random in an iteration.

    Attributes:
        done: iterations done.
    """

    def __init__(
        self,
        name: str,
        context: Context,
        config: Config,
        train: EcgWindows,
        *,
        modules: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        rng: np.random.Generator,
    ) -> None:
        self.name, self.context, self.rng = name, context, rng
        self.modules, self.optimisers = modules, optimisers
        self.done = 0
        self.fit = {
            "settings": as_dict(config),
            "seed": context.seed,
            "device": context.device,
            "threads": context.threads,
            "data": digest(train),
        }

    def run(self, iterate: Callable[[int], Mapping[str, Tensor | float]], iterations: int) -> None:
        """Train, from the checkpoint if there is one.

        Args:
            iterate: does the iteration of this number, from 0, and returns its losses by name.
            iterations: number of iterations of the whole fit.

        Raises:
            FloatingPointError: a loss is NaN or infinite; the message names loss and iteration.
        """
        self._resume()
        due = time.monotonic() + CHECKPOINT_EVERY
        while self.done < iterations:
            losses = self._finite(iterate(self.done))
            self.done += 1
            if time.monotonic() >= due:
                self._save()
                due = time.monotonic() + CHECKPOINT_EVERY
            if self.done % LOG_EVERY == 0 or self.done == iterations:
                self.context.log(self.done, total=iterations, **losses)

    def _finite(self, losses: Mapping[str, Tensor | float]) -> dict[str, float]:
        values = {
            name: loss.item() if isinstance(loss, torch.Tensor) else loss
            for name, loss in losses.items()
        }
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{self.name} diverged at iteration {self.done + 1}: {name} is {value}; "
                    "try a smaller learning_rate"
                )
        return values

    def _save(self) -> None:
        checkpoint.save(
            self.context.checkpoint_dir,
            self.name,
            fit=self.fit,
            progress={"done": self.done, "random": self.rng.bit_generator.state},
            tensors=checkpoint.gather(self.modules, self.optimisers),
        )

    def _resume(self) -> None:
        found = checkpoint.load(self.context.checkpoint_dir, self.name, fit=self.fit)
        if found is not None:
            progress, tensors = found
            checkpoint.scatter(tensors, self.modules, self.optimisers)
            self.done = progress["done"]
            self.rng.bit_generator.state = progress["random"]
            print(f"{self.name}: resumed after {self.done} iterations")  # noqa: T201 - the cell's log


def digest(train: EcgWindows) -> str:
    """Return the SHA-256 of signals, labels and classes, in hexadecimal digits."""
    found = hashlib.sha256(repr((train.signals.shape, train.classes)).encode())
    found.update(np.ascontiguousarray(train.signals).tobytes() + train.labels.tobytes())
    return found.hexdigest()


class LeadScale(NamedTuple):
    """The scaling of each lead to mean 0 and deviation 1 over all training windows.

    Attributes:
        mean: mV, float32, shape (lead, 1).
        deviation: mV, float32, shape (lead, 1); 1 of a lead that is constant.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, train: EcgWindows) -> LeadScale:
        """Return the scaling of these windows."""
        signals = train.signals.astype(np.float64)
        mean = signals.mean(axis=(0, 2))[:, None]
        deviation = signals.std(axis=(0, 2))[:, None]
        deviation[deviation < 1e-9] = 1.0
        return cls(mean.astype(np.float32), deviation.astype(np.float32))

    def forward(self, signals: NDArray[np.float32]) -> Tensor:
        """Return scaled signals, float32, shape (window, lead, sample)."""
        return torch.from_numpy((signals - self.mean) / self.deviation)

    def inverse(self, scaled: Tensor) -> NDArray[np.float32]:
        """Return signals in mV, float32, shape (window, lead, sample)."""
        return np.asarray(scaled.cpu().numpy() * self.deviation + self.mean, dtype=np.float32)


def batch(rng: np.random.Generator, windows: int, size: int) -> NDArray[np.int64]:
    """Return the places of different windows, int64, shape (least of ``size`` and ``windows``,)."""
    return rng.choice(windows, min(size, windows), replace=False, shuffle=False)


def noise(rng: np.random.Generator, *shape: int) -> Tensor:
    """Return independent draws of N(0, 1), float32."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def average(mean: nn.Module, network: nn.Module, decay: float, done: int) -> None:
    """Move a running mean of weights on by one iteration.

    It is free of the bias towards its start, as Adam's moments are (Kingma, Ba, ICLR 2015, section 3).

    Args:
        mean: a copy of ``network``; its weights become the mean.
        network: as it is after this iteration.
        decay: weight of an iteration, against the next one's.
        done: iterations done, from 1.
    """
    share = (1 - decay) / (1 - decay**done)
    with torch.no_grad():
        for old, new in zip(mean.parameters(), network.parameters(), strict=True):
            old.lerp_(new, share)


def warm_cosine(iteration: int, iterations: int, warm: int) -> float:
    """Return the factor of a learning rate: it rises over ``warm`` iterations, then falls as a cosine to 0.

    Loshchilov, Hutter, ICLR 2017, equation 5, without restarts.
    """
    if iteration < warm:
        return (iteration + 1) / warm
    return (1 + math.cos(math.pi * (iteration - warm) / max(iterations - warm, 1))) / 2


def count(*networks: nn.Module) -> int:
    """Return the number of weights of networks that training changes."""
    return sum(weight.numel() for network in networks for weight in network.parameters())
