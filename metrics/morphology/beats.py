"""The beats that are measured: windows around one beat, or all beats of strips."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecgbench import shared, stratified

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.contracts.comparison import Side

BEFORE, AFTER = 0.4, 0.6
"""Seconds of a strip around an R peak: P, QRS and T at any heart rate below 100."""


class Beats(NamedTuple):
    """Beats of one side.

    Attributes:
        signals: float32, shape (beat, lead, sample), mV.
        rows: int64, shape (beat,): the window of each.
        place: s from the first sample to the R peak; None if it is to be looked up.
    """

    signals: NDArray[np.float32]
    rows: NDArray[np.int64]
    place: float | None


def beats(comparison: Comparison, side: Side, most: int, rng: np.random.Generator) -> Beats:
    """Return at most so many beats of a side, every class in its proportion.

    A strip without a whole beat has one flat beat: nothing can be measured in it.
    """
    windows = comparison.windows(side)
    rate = windows.sampling_rate
    if not shared.is_strip(windows):
        rows = stratified(windows.labels, most, rng)
        return Beats(windows.signals[rows], rows, None)
    before, after = round(BEFORE * rate), round(AFTER * rate)
    # as many strips as can be needed, and no peak is searched in the others
    kept = stratified(windows.labels, most, rng)
    of, starts = [], []
    for row, peaks in zip(kept.tolist(), shared.beats(comparison, side, kept), strict=True):
        first = np.rint(peaks * rate).astype(np.int64) - before
        whole = first[(first >= 0) & (first + before + after <= windows.length)]
        if not len(whole):
            whole = np.array([-1])
        of.append(np.full(len(whole), row))
        starts.append(whole)
    row, start = np.concatenate(of), np.concatenate(starts)
    which = stratified(windows.labels[row], most, rng)
    row, start = row[which], start[which]
    samples = start[:, None] + np.arange(before + after)
    cut = np.ascontiguousarray(
        windows.signals[row[:, None], :, np.maximum(samples, 0)].swapaxes(1, 2)
    )
    cut[start < 0] = 0.0
    return Beats(cut, row, before / rate)
