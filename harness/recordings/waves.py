"""Onset, peak and offset of waves, from the marks of a delineation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.recordings.recording import Annotations

PEAKS = {"p": "P", "N": "QRS", "t": "T"}
"""The wave of each symbol of a peak; ``(`` is an onset and ``)`` an offset."""


def boundaries(marks: Annotations) -> dict[str, NDArray[np.float64]]:
    """Return onset, peak and offset of each wave.

    A group of marks, such as ``(N)``, is a wave if it has one peak and no mark twice.  The others are left
    out.

    Args:
        marks: of one lead, with the symbols ``(``, ``)`` and those of `PEAKS`.

    Returns:
        For each of ``P``, ``QRS`` and ``T`` float64, shape (wave, 3), in order of time: onset, peak
        and offset, in samples from the start of the record; NaN where a boundary is not marked.
    """
    symbols, samples = marks.symbols.tolist(), marks.samples.tolist()
    waves: dict[str, list[list[float]]] = {wave: [] for wave in PEAKS.values()}
    for group in re.finditer(r"[^)]+\)?", "".join(symbols)):
        at = dict(zip(group[0], samples[slice(*group.span())], strict=True))
        peaks = [symbol for symbol in at if symbol in PEAKS]
        if len(peaks) == 1 and len(at) == len(group[0]):
            boundary = [at.get(symbol, np.nan) for symbol in ("(", peaks[0], ")")]
            waves[PEAKS[peaks[0]]].append(boundary)
    return {wave: np.array(places, np.float64).reshape(-1, 3) for wave, places in waves.items()}
