"""Reference rows of real windows; they keep the windows' ``indices``, never their patients."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Config, EcgbenchError
from ecgbench.contracts.streams import ReferenceStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.references import NoisyCopyConfig

logger = logging.getLogger(__name__)


class Real:
    """The fresh windows themselves, in their order."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Learn nothing."""

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return the fresh windows.

        Raises:
            EcgbenchError: there are none, or ``labels`` are not theirs.
        """
        fresh = context.fresh
        if fresh is None or not np.array_equal(fresh.labels, labels):
            raise EcgbenchError(
                "generator real returns the fresh windows and nothing else; sample it with their labels"
            )
        return _without_people(fresh, labels)


class Copy:
    """For each label, a random training window of that class.

    No window is drawn again before all of its class have been.  If the training windows lack a class
    (one or two windows in the whole dataset may all fall to other splits), random training windows of
    any class stand in; their number is logged.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    def fit(self, train: EcgWindows, _context: Context) -> None:
        """Keep the training windows."""
        self.train = train

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return copies."""
        rows = np.empty(len(labels), dtype=np.int64)
        rng = np.random.default_rng([context.seed, ReferenceStream.ROWS])
        for label in np.unique(labels):
            wanted = np.flatnonzero(labels == label)
            pool = np.flatnonzero(self.train.labels == label)
            if not len(pool):
                pool = np.arange(len(self.train))
                logger.warning(
                    "train has no window of class %s: the %d asked for are of any class",
                    self.train.classes[label],
                    len(wanted),
                )
            rounds = -(-len(wanted) // len(pool))
            rows[wanted] = np.concatenate([rng.permutation(pool) for _ in range(rounds)])[
                : len(wanted)
            ]
        return _without_people(self.train.take(rows), labels)


class NoisyCopy(Copy):
    """Copies under white Gaussian noise.

    Its standard deviation is ``sigma`` times that of the lead over all training windows.
    """

    def __init__(self, config: NoisyCopyConfig) -> None:
        super().__init__(config)
        self.sigma = config.sigma

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return noisy copies: the windows of `Copy` for the same seed, and noise."""
        copies = super().sample(labels, context)
        deviation = self.train.signals.std(axis=(0, 2), keepdims=True, dtype=np.float64)
        noise = np.random.default_rng([context.seed, ReferenceStream.NOISE]).standard_normal(
            copies.signals.shape
        )
        signals = copies.signals + self.sigma * deviation * noise
        return dataclasses.replace(copies, signals=signals.astype(np.float32))


def _without_people(windows: EcgWindows, labels: NDArray[np.int64]) -> EcgWindows:
    return dataclasses.replace(
        windows,
        labels=labels,
        patients=np.full(len(windows), -1, dtype=np.int64),
        records=None,
        positions=None,
        attributes=None,
    )
