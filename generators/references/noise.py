"""The reference row of noise, with two numbers of each lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Config, Context, EcgWindows


class GaussianNoise:
    """White Gaussian noise with the mean and the deviation of each lead over all training windows.

    It is the same for every label.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, _context: Context) -> None:
        """Estimate mean and deviation, both of shape (1, lead, 1)."""
        self.train = train.take(slice(0))
        self.mean = train.signals.mean(axis=(0, 2), keepdims=True, dtype=np.float64)
        self.deviation = train.signals.std(axis=(0, 2), keepdims=True, dtype=np.float64)
        self.parameters = self.mean.size + self.deviation.size

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw noise."""
        shape = (len(labels), *self.train.signals.shape[1:])
        noise = np.random.default_rng(context.seed).standard_normal(shape)
        return self.train.synthetic(self.mean + self.deviation * noise, labels)
