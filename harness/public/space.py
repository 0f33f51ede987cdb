"""Two spaces in which a generator models a window: its own samples, or its samples in RR time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ecgbench.components import principal_components
from ecgbench.contracts.errors import Skip
from ecgbench.large import flat
from ecgbench.processing import usual_place
from ecgbench.rr_time import RrIntervals, RrTime, rr_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

    Floats = NDArray[np.float64]

SHORTEST, LONGEST = 0.5, 4.0
"""Seconds: a shorter window holds no whole beat, a longer one more beats than its own and two neighbours."""

ROUNDS = 8
"""Rounds of the completion."""


class Points(NamedTuple):
    """Windows as points of a space.

    Attributes:
        samples: float64, shape (window, number): all samples of all leads, mV.  Those of `OwnTime` are
            float32 as they are, if they are large (`ecgbench.large.flat`).
        features: float64, shape (window, feature): numbers that are no samples, of like size.
    """

    samples: Floats
    features: Floats


class Space(Protocol):
    """Maps windows to points and back."""

    def points(self, train: EcgWindows) -> Points:
        """Learn the space from training windows and return their points.

        Raises:
            Skip: the windows do not fit the space.
        """

    def signals(self, points: Points) -> Floats:
        """Return windows, shape (window, lead, sample), mV."""

    def parts(self) -> dict[str, Any]:
        """Return what `signals` reads, for `ecgbench.saving.save_model`."""

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`, saved and loaded, in place of training windows."""


class OwnTime:
    """The samples of a window as they are."""

    def points(self, train: EcgWindows) -> Points:
        """Return all samples, and no features."""
        self.shape = train.signals.shape[1:]
        return Points(flat(train.signals), np.zeros((len(train), 0)))

    def signals(self, points: Points) -> Floats:
        """Return the samples in the shape of a window."""
        return points.samples.reshape(-1, *self.shape)

    def parts(self) -> dict[str, Any]:
        """Return the shape of a window."""
        return {"shape": self.shape}

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`."""
        self.shape = tuple(parts["shape"])


class NormalisedTime:
    """The samples in RR time, and the logarithms of the two RR intervals.

    A window with short intervals shows more of canonical time than one with long intervals.  Low-rank
    completion fills the hidden samples: they are projected on the leading principal components of
    all windows, `ROUNDS` times (Mazumder, Hastie, Tibshirani, JMLR 11:2287, 2010, with a
    fixed rank).

    Args:
        rank: principal components of the completion.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def points(self, train: EcgWindows) -> Points:
        """Return the samples in canonical time, and the two intervals as features."""
        seconds = train.length / train.sampling_rate
        if not SHORTEST <= seconds <= LONGEST:
            raise Skip(
                f"time=rr is for windows around one beat, and these are {seconds:g} s long "
                f"({SHORTEST:g} to {LONGEST:g} s); set time=own"
            )
        place = usual_place(train.signals.mean(axis=1), train.sampling_rate)
        r_sample = int(np.clip(round(place * train.sampling_rate), 1, train.length - 2))
        self.time = RrTime(
            sampling_rate=train.sampling_rate, length=train.length, r_sample=r_sample
        )
        intervals = self.time.limited(
            rr_intervals(train.signals, train.sampling_rate, self.time.r_sample)
        )
        canonical = self.time.forward(train.signals, intervals)
        self.shape = canonical.shape[1:]
        samples = _completed(canonical.reshape(len(train), -1), self.rank)
        leading = principal_components(samples, 1)
        self.scale = 2 * float(np.sqrt(leading.variances[0])) or 1.0
        return Points(samples, np.log(np.stack(intervals, axis=1)) * self.scale)

    def signals(self, points: Points) -> Floats:
        """Return the windows that canonical samples and intervals describe."""
        intervals = RrIntervals(*np.exp(points.features.T / self.scale))
        return self.time.inverse(points.samples.reshape(-1, *self.shape), intervals)

    def parts(self) -> dict[str, Any]:
        """Return the canonical time, the shape of a window in it, and the scale of the intervals."""
        return {"time": asdict(self.time), "shape": self.shape, "scale": self.scale}

    def restore(self, parts: dict[str, Any]) -> None:
        """Take the result of `parts`."""
        self.time, self.scale = RrTime(**parts["time"]), parts["scale"]
        self.shape = tuple(parts["shape"])


def _completed(samples: Floats, rank: int) -> Floats:
    """Fill NaN by the projection on the leading principal components; NaN everywhere becomes 0."""
    hidden = np.isnan(samples)
    shown = np.maximum((~hidden).sum(axis=0), 1)
    mean = np.where(hidden, 0.0, samples).sum(axis=0) / shown
    filled = np.where(hidden, mean, samples)
    for _ in range(ROUNDS if hidden.any() else 0):
        found = principal_components(filled, rank)
        filled = np.where(hidden, found.mean + found.project(filled) @ found.axes, samples)
    return filled
