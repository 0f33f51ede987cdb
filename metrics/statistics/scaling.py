"""The scale of TSGBench's comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Skip
from ecgbench.large import is_large, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ecgbench import Comparison


class Scaled:
    """Windows of one side without unit, read lead by lead or in parts; computed once if they are not large.

    Args:
        signals: float32, shape (window, lead, sample), mV.
        low: float64, shape (lead, sample), mV.
        scale: float64, shape (lead, sample), 1/mV.
    """

    def __init__(
        self, signals: NDArray[np.float32], low: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> None:
        self.signals, self.low, self.scale = signals, low, scale
        self.whole: NDArray[np.float64] | None = None
        if not is_large(signals):
            self.whole = self.part(slice(None))
            self.whole.flags.writeable = False

    def __len__(self) -> int:
        return len(self.signals)

    def leads(self) -> Iterator[NDArray[np.float64]]:
        """Yield the windows of each lead, float64, shape (window, sample)."""
        for lead in range(self.signals.shape[1]):
            if self.whole is not None:
                yield self.whole[:, lead]
            else:
                signals = self.signals[:, lead].astype(np.float64)
                yield (signals - self.low[lead]) * self.scale[lead]

    def parts(self) -> Iterator[NDArray[np.float64]]:
        """Yield some windows after others, float64, shape (window, lead, sample)."""
        if self.whole is not None:
            yield self.whole
        else:
            yield from map(self.part, parts(len(self), self.low.size))

    def part(self, rows: slice) -> NDArray[np.float64]:
        """Return some windows."""
        return np.asarray((self.signals[rows].astype(np.float64) - self.low) * self.scale)


def min_max(comparison: Comparison) -> tuple[Scaled, Scaled]:
    """Return both sides with each sample of each lead scaled so that ``control`` fills [0, 1].

    After ``MinMaxScaler`` in src/utils.py of https://github.com/YihaoAng/TSGBench::

        x ↦ (x − min) / (max − min + 10⁻⁷)

    The minimum and maximum are over the real windows of each lead and *each sample* on its own.  This
    removes the mean shape of the windows and leaves their differences; synthetic windows may leave
    [0, 1].  TSGBench scales by its training windows, here ``control`` scales.  If all control windows are
    equal in a sample, TSGBench magnifies a synthetic one's difference by 10⁷; here such a sample is 0 on
    both sides and does not count.

    Raises:
        Skip: the control windows are all equal.
    """
    return comparison.memo("statistics min-max", lambda: _min_max(comparison))


def _min_max(comparison: Comparison) -> tuple[Scaled, Scaled]:
    control, synthetic = comparison.splits.control.signals, comparison.synthetic.signals
    low, high = (edge(control, axis=0).astype(np.float64) for edge in (np.min, np.max))
    varies = high > low
    if not varies.any():
        raise Skip("the control windows are all equal")
    scale = np.where(varies, 1 / (high - low + 1e-7), 0)
    return Scaled(control, low, scale), Scaled(synthetic, low, scale)
