"""Faults of a window that make it no ECG: a flat lead, a saturated one, a calibration pulse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

FLAT = 0.01
"""mV: a lead within a window stays in so small a range only if it is off."""

PLATEAU, FAR, PART = 0.05, 0.5, 0.01
"""s at the highest or lowest value of the recording, mV from its median, and the part of a window:
the converter's end."""

PULSE, NEAR, SHARE, LEVEL = 1.0, 0.05, 0.9, 0.1
"""mV between two levels; mV around each; of the samples at either; of the samples at each, at least."""

REASONS = {
    "flat": "a lead is flat",
    "saturated": "a lead is saturated",
    "calibration": "a calibration pulse",
}


def faulty(
    signals: NDArray[np.float64],
    sampling_rate: float,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    faults: Sequence[str],
) -> list[str]:
    """Return the reason to leave out each window; empty for none.

    Args:
        signals: shape (lead, sample), mV, of the whole recording before any filter.
        sampling_rate: Hz.
        starts: shape (window,), the first sample of each window.
        ends: the same, one past the last.
        faults: to look for, of `ecgbench.recordings.description.FAULTS`.
    """
    if not faults or not len(starts):
        return [""] * len(starts)
    checks: dict[str, Callable[[slice], bool]] = {}
    at_end = _plateaus(signals, sampling_rate) if "saturated" in faults else signals
    checks = {
        "flat": lambda at: bool((np.ptp(signals[:, at], axis=1) <= FLAT).any()),
        "saturated": lambda at: bool((at_end[:, at].mean(axis=1) >= PART).any()),
        "calibration": lambda at: _is_pulse(signals[:, at]),
    }
    return [
        next((REASONS[f] for f in faults if checks[f](slice(int(a), int(b)))), "")
        for a, b in zip(starts, ends, strict=True)
    ]


def _plateaus(signals: NDArray[np.float64], sampling_rate: float) -> NDArray[np.bool_]:
    """Return which samples are at the end of a converter, by lead."""
    found = np.zeros(signals.shape, dtype=bool)
    steps = max(3, round(PLATEAU * sampling_rate))
    for lead, signal in enumerate(signals):
        if np.isnan(signal).all():
            continue
        middle = np.nanmedian(signal)
        for extreme in (np.nanmin(signal), np.nanmax(signal)):
            if abs(extreme - middle) <= FAR:
                continue
            edges = np.flatnonzero(np.diff(np.concatenate([[0], signal == extreme, [0]])))
            for start, end in edges.reshape(-1, 2):
                found[lead, start:end] |= end - start >= steps
    return found


def _is_pulse(window: NDArray[np.float64]) -> bool:
    """Return whether a lead jumps between two levels 1 mV apart and has nothing else."""
    low, high = np.quantile(window, [0.03, 0.97], axis=1)
    for signal, below, above in zip(window, low, high, strict=True):
        if abs(above - below - PULSE) > 2 * NEAR:
            continue
        shares = [(np.abs(signal - level) <= NEAR).mean() for level in (below, above)]
        if sum(shares) >= SHARE and min(shares) >= LEVEL:
            return True
    return False
