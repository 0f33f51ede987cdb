"""Flow matching on the coordinates of windows.

Source: Lipman, Chen, Ben-Hamu, Nickel, Le, "Flow matching for generative modeling", ICLR 2023, section 4.1,
example II (conditional optimal transport).  A start x₀ and a window x₁ are joined by a straight path::

    x_t = (1 − (1 − σ) t) x₀ + t x₁,    velocity  x₁ − (1 − σ) x₀,    0 ≤ t ≤ 1

The network learns the mean velocity at each place and time by least squares (equation 23).  Its
ordinary differential equation carries starts to windows.  FlowECG (arXiv 2509.10491) does so for ECG with
the network of SSSD-ECG, on samples; here the network is dense, and it sees coordinates
(`coordinates.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import mse_loss

from ecgbench.contracts.streams import DiffusionStream
from ecgbench.generators.diffusion.coordinates import Coordinates
from ecgbench.generators.diffusion.model import draw, train_network
from ecgbench.generators.diffusion.networks import ResidualMlp
from ecgbench.generators.diffusion.source import Clusters, Gaussian
from ecgbench.nn.training import count
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Literal

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.diffusion.model import Loss
    from ecgbench.generators.diffusion.settings import FlowMatchingConfig
    from ecgbench.generators.diffusion.source import Source

    Velocity = Callable[[Tensor, float], Tensor]

TIMES = 1000.0
"""The network sees times of 0 to this."""


class FlowMatching:
    """A flow from Gaussians to the coordinates of windows, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the network, and numbers of the coordinates and of the source.
    """

    def __init__(self, config: FlowMatchingConfig) -> None:
        self.config = config
        self.parameters = 0
        self.coordinates = Coordinates(config.time, config.dimensions, config.bands)
        self.source: Source = Gaussian()
        if config.source == "mixture":
            self.source = Clusters(most=config.clusters, windows=config.windows, prior=config.prior)

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Train; continues from a checkpoint of the same fit.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
            Skip: ``time`` is ``"rr"``, and the windows are longer than a beat and its neighbours.
        """
        config = self.config
        self.like, self.labels = train.take(slice(0)), train.labels
        x = self.coordinates.forward(train)
        rng = np.random.default_rng([context.seed, DiffusionStream.FIT])
        self.source.fit(x, train.labels, rng)
        network = self._build(torch.Generator().manual_seed(context.seed))
        self.parameters = count(network) + self.coordinates.numbers + self.source.numbers
        self.network = train_network(
            "flow-matching",
            context,
            config,
            train,
            network=network,
            x=torch.from_numpy(x),
            loss=self._loss,
        )

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label; a class that ``train`` lacks is drawn as any of its."""
        self.network.to(context.device)
        x, rng = draw(self.like.classes, self.labels, labels, context, self._flow)
        return self.like.synthetic(self.coordinates.inverse(x, rng), labels)

    def save(self, folder: Path) -> None:
        """Write coordinates, source and network."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            coordinates=self.coordinates.parts(),
            source=self.source.parts(),
            network=weights(self.network),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.coordinates.restore(parts["coordinates"])
        self.source.restore(parts["source"])
        self.network = with_weights(self._build(torch.Generator()), parts["network"])

    def _build(self, start: torch.Generator) -> nn.Module:
        """Return the network at its start."""
        config, classes = self.config, len(self.like.classes)
        return ResidualMlp(self.coordinates.size, classes, config.width, config.blocks, start)

    def _loss(self, rng: np.random.Generator) -> Loss:
        def loss(network: nn.Module, x: Tensor, labels: Tensor, rows: NDArray[np.int64]) -> Tensor:
            starts = self.source.to(rows, rng).to(x.device)
            times = torch.from_numpy(rng.random(len(rows), dtype=np.float32)).to(x.device)
            kept = 1 - self.config.sigma
            t = times[:, None]
            between = (1 - kept * t) * starts + t * x
            return mse_loss(network(between, TIMES * times, labels), x - kept * starts)

        return loss

    def _flow(self, labels: Tensor, rng: np.random.Generator) -> Tensor:
        starts = self.source.of(labels.cpu().numpy(), rng).to(labels.device)

        def velocity(x: Tensor, time: float) -> Tensor:
            found: Tensor = self.network(x, x.new_full((len(x),), TIMES * time), labels)
            return found

        return integrated(velocity, starts, self.config.steps, self.config.solver)


def integrated(
    velocity: Velocity, x: Tensor, steps: int, solver: Literal["euler", "heun"]
) -> Tensor:
    """Carry points from time 0 to 1 along a velocity, in equal steps.

    Args:
        velocity: of points, shape (window, coordinate), at a time.
        x: points at time 0, shape (window, coordinate).
        steps: number of steps; Heun's take two velocities each, Euler's one.
        solver: the method.
    """
    size = 1 / steps
    for step in range(steps):
        first = velocity(x, step * size)
        ahead = x + size * first
        if solver == "heun":
            ahead = x + size / 2 * (first + velocity(ahead, (step + 1) * size))
        x = ahead
    return x
