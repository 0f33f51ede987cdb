"""The ECG encoder: it maps windows to a space whose distances follow properties of ECG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbench.contracts.config import Config
from ecgbench.contracts.streams import NetworkStream
from ecgbench.nn.recurrent import one_thread
from ecgbench.nn.steps import in_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

VERSION = 1
"""Version of the encoder: raise it if the same windows, settings and seed give other embeddings."""

SEGMENTS = 8
"""Parts of the window; features are averaged over each, so that the time of events stays known."""


class EncoderConfig(Config, frozen=True):
    """Settings of `Encoder`."""

    dimensions: Annotated[int, msgspec.Meta(ge=1, description="of the embedding")] = 32
    steps: Annotated[int, msgspec.Meta(ge=1, description="optimiser steps")] = 400
    batch: Annotated[
        int, msgspec.Meta(ge=2, description="windows in a step, fewer if they are long")
    ] = 128
    learning_rate: Annotated[float, msgspec.Meta(gt=0, description="peak of the schedule")] = 3e-3
    width: Annotated[int, msgspec.Meta(ge=1, description="channels of the first layer")] = 16


class Encoder:
    r"""A 1-D convolutional network trained on class, person and distortion of windows.

    Three convolutions (width, 2·width, 4·width channels; kernel 7; stride 2), each with batch
    normalisation and ReLU, the mean over each of eight segments of the window, and a linear layer to the
    embedding.  From the embedding, through ReLU, three linear heads tell

    - the class of a window and its person (cross-entropy); a dataset with one class or one person
      simply makes this easy;
    - the distortion of a window (squared error): its noise, gain, shift and smoothing, drawn at random
      in every step (transformation recognition: Sarkar, Etemad, IEEE Trans Affective Computing
      13(3):1541, 2022, doi:10.1109/TAFFC.2020.3014842).  Class and person can be told without a look
      at these.  On MIT-BIH noise of a twentieth of the signal's deviation raises the Fréchet distance
      of real windows 12- to 85-fold; after training on class and person alone, 2- to 7-fold (four
      seeds).

    Amplitude is not normalised away: inputs are divided by one deviation for each lead, and batch
    normalisation is a fixed linear map once the network is trained.  Embeddings are standardised by
    the mean and deviation of the training windows.

    AdamW under a one-cycle learning rate.  Of windows longer than 200 samples a step has fewer (`in_step`).
    Same bytes for the same seed, on any number of threads.

    Args:
        windows: the training windows.
        config: settings of network and training.
        seed: seeds the weights, the batches and the distortions.

    Raises:
        ValueError: there are no windows.
    """

    def __init__(self, windows: EcgWindows, config: EncoderConfig, *, seed: int) -> None:
        if not len(windows):
            raise ValueError("there are no windows to train the encoder on")
        self.windows = windows
        self.config = config
        self.seed = seed
        self.people = np.unique(windows.patients)
        self.network = _Network(
            len(windows.leads), len(windows.classes), len(self.people), config, seed
        )
        signals = windows.signals
        self.mean = signals.mean(axis=(0, 2), keepdims=True)
        self.deviation = signals.std(axis=(0, 2), keepdims=True) + np.float32(1e-6)
        self.zero = np.zeros(config.dimensions)
        self.unit = np.ones(config.dimensions)

    @one_thread()
    def fit(self) -> Encoder:
        """Train the network; return itself."""
        settings = self.config
        optimiser = torch.optim.AdamW(self.network.parameters(), settings.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.steps
        )
        self.network.train()
        for inputs, distorted, amounts, classes, people in self._batches():
            hidden = functional.relu(self.network(torch.cat([inputs, distorted])))
            as_is, changed = hidden.chunk(2)
            loss = (
                functional.cross_entropy(self.network.to_class(as_is), classes)
                + functional.cross_entropy(self.network.to_person(as_is), people)
                + 3 * functional.mse_loss(self.network.to_amounts(changed), amounts)
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        self.network.eval()
        found = self._raw(self.windows.signals).numpy().astype(np.float64)
        self.zero = found.mean(axis=0)
        deviation = found.std(axis=0)
        self.unit = np.where(deviation > 1e-6, deviation, 1.0)  # 0 if all windows are equal
        return self

    def embed(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return embeddings of windows (window, lead, sample), shape (window, dimension)."""
        found = self._raw(signals).numpy().astype(np.float64)
        return np.asarray((found - self.zero) / self.unit)

    def accuracy(self, windows: EcgWindows) -> dict[str, float]:
        """Return the accuracy of the network for class (``class``) and person (``person``)."""
        with one_thread(), torch.inference_mode():
            hidden = functional.relu(self._raw(windows.signals))
            classes = self.network.to_class(hidden).argmax(dim=1).numpy()
            people = self.people[self.network.to_person(hidden).argmax(dim=1).numpy()]
        return {
            "class": float((classes == windows.labels).mean()),
            "person": float((people == windows.patients).mean()),
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the trained network as arrays by name, for `Comparison.once`."""
        weights = {f"network.{k}": v.numpy().copy() for k, v in self.network.state_dict().items()}
        return weights | {"zero": self.zero, "unit": self.unit}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Encoder:
        """Take over the result of `state` for the same windows and settings; return itself."""
        self.zero, self.unit = state["zero"], state["unit"]
        self.network.load_state_dict(
            {name: torch.tensor(state[f"network.{name}"]) for name in self.network.state_dict()}
        )
        self.network.eval()
        return self

    def _raw(self, signals: NDArray[np.float32]) -> Tensor:
        """Return embeddings before standardisation."""
        inputs = torch.from_numpy((signals - self.mean) / self.deviation)
        with one_thread(), torch.inference_mode():
            return torch.cat([self.network(part) for part in inputs.split(1024)])

    def _batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield the windows of each step, the same distorted, by how much, their classes and people."""
        rng = np.random.default_rng([self.seed, NetworkStream.BATCHES])
        signals = (self.windows.signals - self.mean) / self.deviation
        people = np.searchsorted(self.people, self.windows.patients)
        size = in_step(self.config.batch, self.windows.length)
        for _ in range(self.config.steps):
            rows = rng.integers(len(signals), size=size)
            drawn = signals[rows]
            amounts = rng.uniform(-1, 1, size=(len(rows), 4)).astype(np.float32)
            distorted = _distort(drawn, amounts, self.windows.sampling_rate, rng)
            batch = (drawn, distorted, amounts, self.windows.labels[rows], people[rows])
            yield tuple(map(torch.from_numpy, batch))


class FixedEncoder:
    """An encoder of one lead with given weights: the same space for every dataset and seed.

    Args:
        state: the result of `Encoder.state`, heads left out, with ``mean`` and ``deviation`` of the
            training windows, mV.
    """

    def __init__(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        prefix = "network."
        weights = {
            name.removeprefix(prefix): torch.from_numpy(array)
            for name, array in state.items()
            if name.startswith(prefix)
        }
        config = EncoderConfig(
            width=len(weights["layers.0.bias"]), dimensions=len(weights["to_embedding.bias"])
        )
        self.network = _Network(1, 1, 1, config, seed=0)
        self.network.load_state_dict(weights, strict=False)
        self.network.eval()
        self.mean, self.deviation = state["mean"], state["deviation"]
        self.zero, self.unit = state["zero"], state["unit"]

    def embed(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return embeddings of windows (window, lead, sample), shape (window, lead · dimension)."""
        inputs = torch.from_numpy((signals - self.mean) / self.deviation)
        each = inputs.reshape(-1, 1, signals.shape[2])
        with one_thread(), torch.inference_mode():
            found = torch.cat([self.network(part) for part in each.split(1024)]).numpy()
        return ((found.astype(np.float64) - self.zero) / self.unit).reshape(len(signals), -1)


class _Network(nn.Module):
    def __init__(
        self, leads: int, classes: int, people: int, config: EncoderConfig, seed: int
    ) -> None:
        super().__init__()
        width, dimensions = config.width, config.dimensions
        self.layers = nn.Sequential(
            *_layer(leads, width), *_layer(width, 2 * width), *_layer(2 * width, 4 * width)
        )
        linear = nn.Linear
        self.to_embedding = nn.utils.skip_init(linear, 4 * width * SEGMENTS, dimensions)
        self.to_class = nn.utils.skip_init(linear, dimensions, classes)
        self.to_person = nn.utils.skip_init(linear, dimensions, people)
        self.to_amounts = nn.utils.skip_init(linear, dimensions, 4)
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.kaiming_uniform_(module.weight, generator=generator)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.adaptive_avg_pool1d(self.layers(x), SEGMENTS)
        out: Tensor = self.to_embedding(pooled.flatten(1))
        return out


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.utils.skip_init(nn.Conv1d, inputs, outputs, kernel_size=7, stride=2, padding=3)
    return [convolution, nn.BatchNorm1d(outputs), nn.ReLU()]


def _distort(
    signals: NDArray[np.float32],
    amounts: NDArray[np.float32],
    rate: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Smooth, shift and amplify each window and add noise, by its four ``amounts`` in (−1, 1).

    The deviation of the noise runs from .01 to .5 of the signal's, evenly in its logarithm; the gain
    likewise from 2/3 to 3/2; the shift from 32 ms early to 32 ms late; the deviation of the Gaussian
    filter from 0 to 16 ms.  Beyond its ends a window is its own mirror image.
    """
    noise, gain, shift, smoothing = amounts.T[:, :, None, None].astype(np.float64)
    length = signals.shape[2]
    spectrum = np.fft.rfft(np.concatenate([signals, signals[:, :, ::-1]], axis=2), axis=2)
    angle = 2 * np.pi * np.fft.rfftfreq(2 * length, 1 / rate)
    spectrum *= 1.5**gain * np.exp(
        -((0.008 * (1 + smoothing) * angle) ** 2) / 2 - 0.032j * shift * angle
    )
    distorted = np.fft.irfft(spectrum, 2 * length, axis=2)[:, :, :length]
    distorted += 0.07 * 7**noise * rng.standard_normal(signals.shape)
    return distorted.astype(np.float32)
