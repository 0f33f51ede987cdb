"""Windows of one recording, also of one with gaps: each gap-free stretch is filtered on its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.processing import BeatWindowConfig, beat_windows, resampling, strip_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.processing import StripWindowConfig

BEYOND = "the window would leave the record"
GAP = "a gap"


def stretches(signals: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return first sample and one past the last of each stretch without a missing sample."""
    whole = ~np.isnan(signals).any(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], whole, [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def beats(
    signals: NDArray[np.float64],
    sampling_rate: float,
    samples: NDArray[np.int64],
    config: BeatWindowConfig,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Counter[str]]:
    """Return a window for each beat with room; see `beat_windows`.

    Args:
        signals: shape (lead, sample), mV, NaN in gaps.
        sampling_rate: Hz.
        samples: int64, shape (beat,), of the R peaks, in any order.
        config: how to filter, resample and cut.

    Returns:
        windows, float32, shape (kept beat, lead, sample); the mask of the kept beats; and the numbers
        of the others, by reason.
    """
    kept = np.zeros(len(samples), dtype=bool)
    ratio = resampling(sampling_rate, config.sampling_rate)
    found = np.empty((len(samples), len(signals), config.length), dtype=np.float32)
    for start, end in _usable(signals, sampling_rate, config):
        inside = np.flatnonzero((samples >= start) & (samples < end))
        windows, fit = beat_windows(
            signals[:, start:end], sampling_rate, samples[inside] - start, config
        )
        found[inside[fit]] = windows
        kept[inside[fit]] = True
    first = np.rint(samples * float(ratio)) - config.r_sample
    room = (first >= 0) & (first + config.length <= np.ceil(signals.shape[1] * float(ratio)))
    left = Counter({BEYOND: int((~kept & ~room).sum()), GAP: int((~kept & room).sum())})
    return found[kept], kept, +left


def strips(
    signals: NDArray[np.float64], sampling_rate: float, config: StripWindowConfig
) -> tuple[NDArray[np.float32], NDArray[np.int64], Counter[str]]:
    """Return the strips of a recording; a strip with a gap is left out.

    Strips follow each other from the first sample of the recording, whatever gaps there are.

    Args:
        signals: shape (lead, sample), mV, NaN in gaps.
        sampling_rate: Hz.
        config: how to filter, resample and cut.

    Returns:
        strips, float32, shape (strip, lead, sample); int64, shape (strip,), the number of each from the
        start of the recording; and the numbers of those left out, by reason.
    """
    ratio = resampling(sampling_rate, config.sampling_rate)
    parts, places = [], []
    for start, end in _usable(signals, sampling_rate, config):
        offset = start * ratio.numerator // ratio.denominator
        number = -(-offset // config.length)
        cut = strip_windows(
            signals[:, start:end], sampling_rate, config, start=number * config.length - offset
        )
        parts.append(cut)
        places.append(np.arange(number, number + len(cut)))
    empty = np.zeros((0, len(signals), config.length), dtype=np.float32)
    cut, numbers = np.concatenate([empty, *parts]), np.concatenate([np.zeros(0, np.int64), *places])
    most = int(np.ceil(signals.shape[1] * float(ratio))) // config.length
    return cut, numbers, +Counter({GAP: most - len(numbers)})


def _usable(
    signals: NDArray[np.float64],
    sampling_rate: float,
    config: BeatWindowConfig | StripWindowConfig,
) -> list[tuple[int, int]]:
    """Return stretches of a window's length, each from a sample of the new rate."""
    ratio = resampling(sampling_rate, config.sampling_rate)
    step = ratio.denominator
    aligned = ((-(-a // step) * step, b) for a, b in stretches(signals))
    return [(a, b) for a, b in aligned if (b - a) * float(ratio) >= config.length]
