"""Strips with R peaks at known times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows, Splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLASSES = ("regular", "irregular")


class Strips(Protocol):
    def __call__(
        self, intervals: Sequence[NDArray[Any]], labels: NDArray[Any] | None = None
    ) -> EcgWindows: ...


class Pair(Protocol):
    def __call__(self, real: EcgWindows, synthetic: EcgWindows) -> Comparison: ...


@pytest.fixture(scope="session")
def strips() -> Strips:
    """Make strips of one lead of 10 s at 100 Hz with these RR intervals (s) from .4 s on; ten people."""

    def make(intervals: Sequence[NDArray[Any]], labels: NDArray[Any] | None = None) -> EcgWindows:
        time = np.arange(1000)[:, None] / 100
        signals = np.zeros((len(intervals), 1, 1000), np.float32)
        for signal, rr in zip(signals, intervals, strict=True):
            peaks = 0.4 + np.concatenate([[0.0], np.cumsum(rr)])
            peaks = peaks[peaks < 9.7]
            signal[0] = np.exp(-0.5 * ((time - peaks) / 0.012) ** 2).sum(axis=1)
        return EcgWindows(
            signals=signals,
            labels=np.zeros(len(signals), np.int64) if labels is None else labels,
            patients=np.arange(len(signals)) % 10,
            sampling_rate=100.0,
            leads=("II",),
            classes=CLASSES,
        )

    return make


@pytest.fixture(scope="session")
def pair() -> Pair:
    """Compare synthetic strips with real ones, which are every split."""

    def make(real: EcgWindows, synthetic: EcgWindows) -> Comparison:
        return Comparison(
            synthetic=real.synthetic(synthetic.signals, synthetic.labels),
            splits=Splits(train=real, control=real, auxiliary=real, fresh=real, test=real, fold=0),
            seed=0,
            headline_classes=CLASSES,
        )

    return make
