"""A P or a T wave of each window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecgbench.metrics.morphology.search import at, first, highest, last

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.metrics.morphology.search import Places

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The look of a wave; samples at 250 Hz, fitted to LUDB (docs/morphology.md).

    Attributes:
        scale: the scale of the search for it, 0 to 4.
        half: samples from its peak to its steepest places.
        inverted: weight of a wave downwards beside one upwards.
        spread: deviation of its place from the expected one.
        peak: samples to look for its peak in.
        foot_scale: the scale of the search for its ends.
        flank: samples from its peak to look for its steepest place in.
        flat: shares of the steepest slope of either flank; there the wave ends.
    """

    scale: int
    half: int
    inverted: float
    spread: float
    peak: int
    foot_scale: int
    flank: int
    flat: tuple[float, float]


AWAY = 15
"""Samples from a peak to the nearest rival."""

T = Kind(
    scale=4, half=12, inverted=0.8, spread=32.5, peak=15, foot_scale=2, flank=28, flat=(0.35, 0.3)
)
P = Kind(
    scale=3, half=6, inverted=0.7, spread=16.25, peak=6, foot_scale=3, flank=20, flat=(0.5, 0.75)
)


class Wave(NamedTuple):
    """A wave of each window: arrays of shape (window,).

    Attributes:
        onset, peak, offset: int64, samples.
        height: mV, of the peak over the line between onset and offset; negative if downwards.
        distinct: its sharpness over the largest one at least 60 ms away, between the same places.
    """

    onset: Places
    peak: Places
    offset: Places
    height: Floats
    distinct: Floats


def wave(
    kind: Kind,
    signals: Floats,
    scales: list[Floats],
    begin: NDArray[Any],
    end: NDArray[Any],
    expected: NDArray[Any],
) -> Wave:
    """Find the likeliest wave between two places.

    It is the sharpest peak: the place of the largest fall of the slope from one flank to the other,
    times a Gaussian of its distance from the expected place.

    Args:
        kind: the wave to look for.
        signals: shape (window, sample), mV, at 250 Hz, without QRS complexes.
        scales: their slopes (`ecgbench.metrics.morphology.wavelet.slopes`).
        begin: shape (window,), the first possible sample of the peak.
        end: the last one.
        expected: the expected sample.
    """
    n = np.arange(signals.shape[1])
    begin = np.clip(np.minimum(begin, end), 0, n[-1]).astype(np.int64)
    end = np.clip(end, begin, n[-1]).astype(np.int64)
    padded = np.pad(scales[kind.scale], ((0, 0), (kind.half, kind.half)), mode="edge")
    sharpness = padded[:, : -2 * kind.half] - padded[:, 2 * kind.half :]
    likelihood = np.where(sharpness > 0, sharpness, -kind.inverted * sharpness)
    likelihood *= np.exp(-0.5 * ((n - expected[:, None]) / kind.spread) ** 2)
    centre = highest(likelihood, begin, end)
    sign = np.where(at(sharpness, centre) < 0, -1.0, 1.0)
    upright = uniform_filter1d(signals, 5, axis=1, mode="nearest") * sign[:, None]
    peak = highest(
        upright, np.maximum(begin, centre - kind.peak), np.minimum(end, centre + kind.peak)
    )

    slope = scales[kind.foot_scale] * sign[:, None]
    start = np.maximum(begin, peak - kind.flank)
    rising = highest(slope, start, np.maximum(start, peak - 1))
    falling = highest(-slope, peak, np.minimum(n[-1], peak + kind.flank))
    onset = last(slope < kind.flat[0] * at(slope, rising)[:, None], rising) + 1
    offset = first(slope > kind.flat[1] * at(slope, falling)[:, None], falling)
    onset, offset = np.clip(onset, 0, peak), np.clip(offset, peak, n[-1])
    before, after = at(signals, onset), at(signals, offset)
    share = (peak - onset) / np.maximum(offset - onset, 1)
    height = at(signals, peak) - (1 - share) * before - share * after
    size = np.abs(sharpness)
    away = np.abs(n - peak[:, None]) > AWAY
    away &= (n >= begin[:, None]) & (n <= end[:, None])
    rival = np.where(away, size, 0).max(axis=1)
    distinct = np.divide(at(size, peak), rival, out=np.full(len(peak), np.inf), where=rival > 0)
    return Wave(onset, peak, offset, height, distinct)
