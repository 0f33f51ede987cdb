"""`dose`: fresh real windows with one fault, by a known amount."""

from __future__ import annotations

import dataclasses
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench import EcgbenchError, Skip
from ecgbench.generators.doses.distort import DISTORTIONS
from ecgbench.generators.doses.replace import REPLACEMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.doses import DoseConfig


class Dose:
    """The fresh windows, distorted, or some of them replaced.

    At an amount of 0 they are the fresh windows themselves, for any fault; but ``members`` at 0 are
    white noise.  Random choices do not depend on the amount: a larger dose replaces the windows of a
    smaller one, and others.  They depend on the fault by its name, so a further fault changes no window
    of the others.
    """

    def __init__(self, config: DoseConfig) -> None:
        self.config = config

    def fit(self, train: EcgWindows, _context: Context) -> None:
        """Keep the training windows, the source of copies and replacements."""
        self.train = train

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return the fresh windows under the dose.

        Raises:
            EcgbenchError: ``labels`` are not those of the fresh windows.
            Skip: the fault needs several classes, people or leads, and there is one.
        """
        fresh, config = context.fresh, self.config
        if fresh is None or not np.array_equal(fresh.labels, labels):
            raise EcgbenchError("generator dose changes the fresh windows: sample their labels")
        rng = np.random.default_rng([context.seed, zlib.crc32(config.fault.encode()), 31])
        signals: NDArray[Any] | None = fresh.signals
        if config.fault in DISTORTIONS:
            signals = DISTORTIONS[config.fault](fresh, config.amount, rng)
        elif config.fault in REPLACEMENTS:
            signals = REPLACEMENTS[config.fault](fresh, self.train, config.amount, rng)
        if signals is None:
            raise Skip(f"{config.fault} takes several classes, people or leads; there is but one")
        if config.sigma:
            signals = self._hide_copies(fresh, signals, rng)
        return dataclasses.replace(
            fresh,
            signals=np.ascontiguousarray(signals, dtype=np.float32),
            patients=np.full(len(fresh), -1, dtype=np.int64),
            records=None,
            positions=None,
            attributes=None,
            indices=None,
        )

    def _hide_copies(
        self, fresh: EcgWindows, signals: NDArray[Any], rng: np.random.Generator
    ) -> NDArray[Any]:
        """Add white noise to the replaced windows."""
        deviation = self.train.signals.std(axis=(0, 2), keepdims=True, dtype=np.float64)
        replaced = (signals != fresh.signals).any(axis=(1, 2), keepdims=True)
        noise = self.config.sigma * deviation * rng.standard_normal(signals.shape)
        return np.asarray(signals + replaced * noise)
