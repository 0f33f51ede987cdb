"""What the diffusion models share: the fit of a network by Adam, its running mean, and the sampling."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from ecgbench import known_labels
from ecgbench.contracts.streams import DiffusionStream
from ecgbench.nn.training import Training, average, batch, warm_cosine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.diffusion.settings import TrainingConfig

SAMPLING_BATCH = 1024


class Loss(Protocol):
    """The loss of a batch."""

    def __call__(
        self, network: nn.Module, x: Tensor, labels: Tensor, rows: NDArray[np.int64]
    ) -> Tensor:
        """Return a scalar.

        Args:
            network: in training.
            x: windows of the batch as the network sees them.
            labels: int64, shape (window,).
            rows: places of these windows in the training data.
        """


def train_network(
    name: str,
    context: Context,
    config: TrainingConfig,
    train: EcgWindows,
    *,
    network: nn.Module,
    x: Tensor,
    loss: Callable[[np.random.Generator], Loss],
) -> nn.Module:
    """Train a network by Adam and return the running mean of its weights.

    Args:
        name: of the generator.
        context: seed, device, log and folder of checkpoints.
        config: settings.
        train: the training windows.
        network: at its start.
        x: the training windows as the network sees them, first axis window.
        loss: takes the source of all random choices of an iteration and returns the loss.

    Raises:
        FloatingPointError: a loss is NaN or infinite.
    """
    rng = np.random.default_rng([context.seed, DiffusionStream.TRAINING])
    network = network.to(context.device)
    x, labels = x.to(context.device), torch.tensor(train.labels).to(context.device)
    mean = copy.deepcopy(network)
    adam = torch.optim.Adam(network.parameters(), config.learning_rate, fused=True)
    training = Training(
        name,
        context,
        config,
        train,
        modules={"network": network, "mean": mean},
        optimisers={"adam": adam},
        rng=rng,
    )
    of_batch = loss(rng)

    def iterate(iteration: int) -> Mapping[str, Tensor]:
        factor = warm_cosine(iteration, config.iterations, config.warm_up)
        adam.param_groups[0]["lr"] = factor * config.learning_rate
        rows = batch(rng, len(x), config.batch)
        places = torch.from_numpy(rows).to(context.device)
        value = of_batch(network, x[places], labels[places], rows)
        adam.zero_grad()
        value.backward()
        adam.step()
        average(mean, network, config.ema, iteration + 1)
        return {"loss": value.detach()}

    training.run(iterate, config.iterations)
    return mean


def draw(
    classes: tuple[str, ...],
    trained: NDArray[np.int64],
    labels: NDArray[np.int64],
    context: Context,
    sampler: Callable[[Tensor, np.random.Generator], Tensor],
) -> tuple[NDArray[np.float32], np.random.Generator]:
    """Draw a window, as the network sees it, for each label.

    A label that the training windows lack is drawn as if it were any of theirs, at their frequency.

    Args:
        classes: names of the labels.
        trained: int64, shape (training window,), the labels of the training windows.
        labels: int64, shape (window,).
        context: seed and device.
        sampler: maps labels, int64, shape (window,), to windows.

    Returns:
        The windows, and the source of further random choices.
    """
    rng = np.random.default_rng([context.seed, DiffusionStream.SAMPLE])
    # a network need not work on no window at all
    asked = labels if len(labels) else trained[:1]
    known = torch.from_numpy(known_labels(asked, trained, classes, rng)).to(context.device)
    with torch.inference_mode():
        parts = [sampler(part, rng).cpu().numpy() for part in known.split(SAMPLING_BATCH)]
    return np.concatenate(parts)[: len(labels)], rng
