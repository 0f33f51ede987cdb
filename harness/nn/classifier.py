"""A small convolutional classifier of windows, for metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbench.contracts.config import Config
from ecgbench.contracts.streams import NetworkStream
from ecgbench.nn.steps import in_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


VERSION = 2
"""Version of the classifier: raise it if the same windows, settings and seed give other probabilities."""

SEGMENTS = 8
"""Parts of the window; features are averaged over each, so that the time of events stays known."""


class ClassifierConfig(Config, frozen=True):
    """Settings of `Classifier`."""

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps")] = 600
    batch: Annotated[
        int, msgspec.Meta(ge=2, description="windows in a step, fewer if they are long")
    ] = 128
    learning_rate: Annotated[float, msgspec.Meta(gt=0, description="peak of the schedule")] = 3e-3
    width: Annotated[int, msgspec.Meta(ge=1, description="channels of the first block")] = 16
    gain: Annotated[
        float,
        msgspec.Meta(ge=0, description="deviation of the logarithm by which windows are amplified"),
    ] = 0.0
    stretch: Annotated[
        float,
        msgspec.Meta(ge=0, description="deviation of the logarithm by which time is stretched"),
    ] = 0.0
    shift: Annotated[
        float, msgspec.Meta(ge=0, le=1, description="share of the window by which it moves at most")
    ] = 0.0


class Classifier:
    """A 1-D convolutional network with residual blocks.

    Three residual blocks (width, 2·width, 4·width channels; kernel 7; stride 2), each with group
    normalisation, then the mean over each of eight segments of the window and a linear layer.  It is a
    small relative of the network of Wang, Yan, Oates (IJCNN 2017); they average over the whole window,
    which hides whether a beat comes early or late.  AdamW under a one-cycle learning rate.  Each batch
    draws a class of n windows in proportion to √n (Mahajan et al., ECCV 2018), so that a rare class
    counts and a common one is not mistaken for it.  Of windows longer than 200 samples a batch has fewer
    (`in_step`).  Inputs are standardised with the training windows'
    mean and deviation per lead.

    ``gain``, ``stretch`` and ``shift`` distort every window of a batch anew, as people's hearts and
    electrodes do.  This helps to recognise the same in other people (Um et al., ICMI 2017,
    arXiv:1706.00527).  By default nothing is distorted: real and synthetic windows may differ in just
    that.

    Args:
        leads: channels of a window.
        classes: the number of classes.
        config: settings of network and training.
        seed: seeds the weights and the batches.
    """

    def __init__(self, leads: int, classes: int, config: ClassifierConfig, *, seed: int) -> None:
        self.config = config
        self.classes = classes
        self.seed = seed
        self.network = _Network(leads, classes, config.width, torch.Generator().manual_seed(seed))
        self.mean = np.zeros((1, leads, 1), dtype=np.float32)
        self.deviation = np.ones((1, leads, 1), dtype=np.float32)

    def fit(self, signals: NDArray[np.float32], labels: NDArray[np.int64]) -> Classifier:
        """Train on ``signals`` (window, lead, sample) and ``labels`` (window,); return itself.

        Raises:
            ValueError: there are no windows.
        """
        if not len(signals):
            raise ValueError("there are no windows to train the classifier on")
        self.mean = signals.mean(axis=(0, 2), keepdims=True)
        self.deviation = signals.std(axis=(0, 2), keepdims=True) + np.float32(1e-6)
        inputs = self._inputs(signals)
        targets = torch.tensor(labels)
        settings = self.config
        optimiser = torch.optim.AdamW(self.network.parameters(), settings.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.steps
        )
        distort = _Distortion(settings, self.seed)
        self.network.train()
        for rows in self._batches(labels, in_step(settings.batch, signals.shape[2])):
            batch = distort(inputs[rows])
            loss = functional.cross_entropy(self.network(batch), targets[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        self.network.eval()
        return self

    def probabilities(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of each class, shape (window, class)."""
        with torch.inference_mode():
            parts = [
                functional.softmax(self.network(part), dim=1).numpy()
                for part in self._inputs(signals).split(2048)
            ]
        return np.concatenate([np.zeros((0, self.classes)), *parts]).astype(np.float64)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the trained network as arrays by name, for `Comparison.once`."""
        weights = {f"network.{k}": v.numpy().copy() for k, v in self.network.state_dict().items()}
        return weights | {"mean": self.mean, "deviation": self.deviation}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Classifier:
        """Take over the result of `state`; return itself."""
        self.mean, self.deviation = state["mean"], state["deviation"]
        self.network.load_state_dict(
            {name: torch.tensor(state[f"network.{name}"]) for name in self.network.state_dict()}
        )
        self.network.eval()
        return self

    def _batches(self, labels: NDArray[np.int64], size: int) -> Iterator[Tensor]:
        """Yield the rows of each step's windows, drawn with replacement."""
        rng = np.random.default_rng([self.seed, NetworkStream.BATCHES])
        by_class = torch.from_numpy(np.argsort(labels, kind="stable"))
        counts = np.bincount(labels, minlength=self.classes)
        starts = np.cumsum(counts) - counts
        share = np.sqrt(counts) / np.sqrt(counts).sum()
        for _ in range(self.config.steps):
            drawn = rng.choice(self.classes, size=size, p=share)
            places = starts[drawn] + rng.integers(counts[drawn])
            yield by_class[torch.from_numpy(places)]

    def _inputs(self, signals: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy((signals - self.mean) / self.deviation)


class _Distortion:
    """Amplifies each window, and reads it at other times, about its middle and linearly interpolated."""

    def __init__(self, config: ClassifierConfig, seed: int) -> None:
        self.config = config
        self.rng = np.random.default_rng([seed, NetworkStream.DISTORTION])

    def __call__(self, x: Tensor) -> Tensor:
        gain, stretch, shift = self.config.gain, self.config.stretch, self.config.shift
        length = x.shape[2]
        if gain:
            x = x * torch.from_numpy(np.exp(gain * self._normal(x)))[:, :, None]
        if length > 1 and (stretch or shift):
            middle = (length - 1) / 2
            places = (np.arange(length) - middle) * np.exp(stretch * self._normal(x)) + middle
            places += shift * length * self.rng.uniform(-1, 1, (len(x), 1))
            places = places.clip(0, length - 1)
            before = places.astype(np.int64).clip(max=length - 2)
            share = torch.from_numpy((places - before).astype(np.float32))[:, None]
            index = torch.from_numpy(before)[:, None].expand(x.shape)
            x = x.gather(2, index) * (1 - share) + x.gather(2, index + 1) * share
        return x

    def _normal(self, x: Tensor) -> NDArray[np.float32]:
        return self.rng.standard_normal((len(x), 1), dtype=np.float32)


class _Network(nn.Module):
    def __init__(self, leads: int, classes: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _Block(leads, width), _Block(width, 2 * width), _Block(2 * width, 4 * width)
        )
        self.head = nn.utils.skip_init(nn.Linear, 4 * width * SEGMENTS, classes)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() > 1:
                    bound = math.sqrt(6 / weight[0].numel())
                    weight.uniform_(-bound, bound, generator=generator)
                else:
                    weight.fill_(1.0 if name.endswith("norm.weight") else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.adaptive_avg_pool1d(self.blocks(x), SEGMENTS)
        out: Tensor = self.head(pooled.flatten(1))
        return out


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.utils.skip_init(
            nn.Conv1d, inputs, outputs, kernel_size=7, stride=2, padding=3
        )
        self.first_norm = nn.GroupNorm(4 if outputs % 4 == 0 else 1, outputs)
        self.second = nn.utils.skip_init(nn.Conv1d, outputs, outputs, kernel_size=7, padding=3)
        self.second_norm = nn.GroupNorm(4 if outputs % 4 == 0 else 1, outputs)
        self.short = nn.utils.skip_init(nn.Conv1d, inputs, outputs, kernel_size=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.short(x))
