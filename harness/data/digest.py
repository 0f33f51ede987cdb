"""A digest of windows, equal on all machines though their arithmetic differs in the last bits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

STEP = 2.0**-13
"""mV, 0.12 µV: samples count as whole numbers of it.

A power of two: a sample of n counts for each mV, as converters give it, never lies half-way between two
steps unless 2¹⁴ divides n.
"""

MOMENT = 2.0**-20
"""s, about 1 µs: positions count as whole numbers of it."""

DIGITS = 9
"""Digits of a person's number, unless it is whole."""

CHUNK = 2**20
"""Samples rounded at once: the windows of a dataset may be larger than the memory."""


def digest(windows: EcgWindows, files: str) -> str:
    """Return a SHA-256 of windows, the same on every machine.

    Every sample counts, in the order of windows, leads and time, as the nearest whole number of `STEP`;
    every position as that of `MOMENT`; numbers among people's attributes count to `DIGITS` digits, whole
    ones to the last.  All else counts as it is.  docs/data.md gives the probability of two machines
    rounding one sample to two steps.

    Args:
        windows: signals float32, shape (window, lead, sample), mV, perhaps memory-mapped.
        files: SHA-256 of the list of the dataset's files; empty without files.
    """
    import numpy as np  # noqa: PLC0415 - planning a run of cached datasets needs no numpy

    total = hashlib.sha256(files.encode())
    for name in ("labels", "patients", "records"):
        array = getattr(windows, name)
        if array is not None:
            total.update(repr((name, array.dtype.str, array.shape)).encode())
            total.update(np.ascontiguousarray(array).view(np.uint8).data)
    if windows.positions is not None:
        total.update(repr(("positions", windows.positions.shape)).encode())
        total.update(_whole(windows.positions / MOMENT, "<f8"))
    people = sorted((p, _shared(told)) for p, told in (windows.attributes or {}).items())
    told = [windows.signals.shape, windows.sampling_rate, windows.leads, windows.classes, people]
    total.update(msgspec.json.encode(told, order="deterministic"))
    for rows in _chunks(windows.signals):
        total.update(_whole(rows * np.float32(1 / STEP), "<f4"))
    return total.hexdigest()


def _whole(values: NDArray[np.floating], dtype: str) -> memoryview:
    """Return the bytes of the nearest whole numbers, as floats; the rounding is exact."""
    import numpy as np  # noqa: PLC0415 - as above

    whole = np.rint(values) + 0  # −0 + 0 is 0
    return np.ascontiguousarray(whole, dtype=dtype).data.cast("B")


def _chunks(signals: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    at_once = max(1, CHUNK // max(1, signals.shape[1] * signals.shape[2]))
    for start in range(0, len(signals), at_once):
        yield signals[start : start + at_once]


def _shared(told: Mapping[str, str | float]) -> dict[str, str | float]:
    return {
        what: value
        if isinstance(value, str) or value.is_integer()
        else float(f"{value:.{DIGITS}g}")
        for what, value in told.items()
    }
