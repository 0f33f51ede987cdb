"""A small convolutional classifier of windows, for the metrics that need one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbench.harness.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


class ClassifierConfig(Config, frozen=True):
    """Settings of `Classifier`."""

    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps")] = 600
    batch: Annotated[int, msgspec.Meta(ge=2, description="windows in a step")] = 128
    learning_rate: Annotated[float, msgspec.Meta(gt=0, description="peak of the schedule")] = 3e-3
    width: Annotated[int, msgspec.Meta(ge=1, description="channels of the first block")] = 16


class Classifier:
    """A 1-D convolutional network with residual blocks.

    Three residual blocks (width, 2·width, 4·width channels; kernel 7; stride 2), each with group
    normalisation, then the mean and maximum over time and a linear layer (a small relative of Wang,
    Yan, Oates, IJCNN 2017).  AdamW under a one-cycle learning rate.  Each batch draws a class of n
    windows in proportion to √n (Mahajan et al., ECCV 2018), so that a rare class counts and a
    common one is not mistaken for it.  Inputs are standardised with the training windows' mean and
    deviation per lead.

    Args:
        leads: channels of a window.
        classes: how many classes.
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
        """Train on ``signals`` (window, lead, sample) and ``labels`` (window,); returns itself.

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
        self.network.train()
        for rows in self._batches(labels):
            loss = functional.cross_entropy(self.network(inputs[rows]), targets[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        self.network.eval()
        return self

    def probabilities(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class, shape (window, class)."""
        with torch.inference_mode():
            parts = [
                functional.softmax(self.network(part), dim=1).numpy()
                for part in self._inputs(signals).split(2048)
            ]
        return np.concatenate([np.zeros((0, self.classes)), *parts]).astype(np.float64)

    def state(self) -> dict[str, NDArray[Any]]:
        """The trained network as arrays by name, for `Comparison.once`."""
        weights = {f"network.{k}": v.numpy().copy() for k, v in self.network.state_dict().items()}
        return weights | {"mean": self.mean, "deviation": self.deviation}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Classifier:
        """Take over what `state` returned; returns itself."""
        self.mean, self.deviation = state["mean"], state["deviation"]
        self.network.load_state_dict(
            {name: torch.tensor(state[f"network.{name}"]) for name in self.network.state_dict()}
        )
        self.network.eval()
        return self

    def _batches(self, labels: NDArray[np.int64]) -> Iterator[Tensor]:
        """Rows of each step's windows, drawn with replacement."""
        rng = np.random.default_rng([self.seed, 1])
        by_class = torch.from_numpy(np.argsort(labels, kind="stable"))
        counts = np.bincount(labels, minlength=self.classes)
        starts = np.cumsum(counts) - counts
        share = np.sqrt(counts) / np.sqrt(counts).sum()
        for _ in range(self.config.steps):
            drawn = rng.choice(self.classes, size=self.config.batch, p=share)
            places = starts[drawn] + rng.integers(counts[drawn])
            yield by_class[torch.from_numpy(places)]

    def _inputs(self, signals: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy((signals - self.mean) / self.deviation)


class _Network(nn.Module):
    def __init__(self, leads: int, classes: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _Block(leads, width), _Block(width, 2 * width), _Block(2 * width, 4 * width)
        )
        self.head = nn.utils.skip_init(nn.Linear, 8 * width, classes)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() > 1:
                    bound = math.sqrt(6 / weight[0].numel())
                    weight.uniform_(-bound, bound, generator=generator)
                else:
                    weight.fill_(1.0 if name.endswith("norm.weight") else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x)
        out: Tensor = self.head(torch.cat([x.mean(2), x.amax(2)], dim=1))
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
