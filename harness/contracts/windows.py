"""`EcgWindows`, the one data type that plugins exchange, and `Splits`, their division by the protocol."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

PROTOCOL = 1
"""Version of the splits: raise it if a dataset and a seed give other splits than before."""

MAX_SEED = 2**31 - 1
"""Larger seeds do not fit every library's random numbers."""

DTYPES = {
    "labels": "int64",
    "patients": "int64",
    "records": "str_",
    "positions": "float64",
    "indices": "int64",
}
"""Names of the arrays with one value for each window."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EcgWindows:
    """Equally long windows of ECG.

    Attributes:
        signals: float32, shape (window, lead, sample), millivolts.
        labels: int64, shape (window,), index into ``classes``.
        patients: int64, shape (window,), the dataset's number of the person; −1 for synthetic windows.
        sampling_rate: samples per second.
        leads: names, one for each lead.
        classes: names of the labels.
        records: text, shape (window,): the recording of each window, if known.
        positions: float64, shape (window,): seconds from the start of that recording to the window's
            reference point (the R peak, for windows around beats), if known.
        attributes: each patient's attributes in the dataset: ``{patient: {"sex": "F", "age": 62}}``.
        indices: int64, shape (window,): the place of each window in its dataset.  The harness sets
            it; windows that come from a real one keep it.
    """

    signals: NDArray[np.float32]
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]
    sampling_rate: float
    leads: tuple[str, ...]
    classes: tuple[str, ...]
    records: NDArray[np.str_] | None = None
    positions: NDArray[np.float64] | None = None
    attributes: Mapping[int, Mapping[str, str | float]] | None = None
    indices: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.signals)

    @property
    def length(self) -> int:
        """Samples in a window."""
        return int(self.signals.shape[2])

    def take(self, which: NDArray[Any] | slice) -> EcgWindows:
        """Return the windows at ``which`` (indices, a mask, or a slice), with all their arrays."""
        return dataclasses.replace(
            self,
            signals=self.signals[which],
            labels=self.labels[which],
            patients=self.patients[which],
            records=None if self.records is None else self.records[which],
            positions=None if self.positions is None else self.positions[which],
            indices=None if self.indices is None else self.indices[which],
        )

    def synthetic(self, signals: NDArray[Any], labels: NDArray[np.int64]) -> EcgWindows:
        """Return synthetic windows with these windows' rate, leads and classes.

        Args:
            signals: shape (window, lead, sample), millivolts, any real dtype.
            labels: int64, shape (window,).
        """
        import numpy as np  # noqa: PLC0415 - discovery imports this module and no numpy

        return EcgWindows(
            signals=np.ascontiguousarray(signals, dtype=np.float32),
            labels=labels,
            patients=np.full(len(labels), -1, dtype=np.int64),
            sampling_rate=self.sampling_rate,
            leads=self.leads,
            classes=self.classes,
        )

    def problem(self) -> str | None:
        """Return the fault of these windows in words, or None: shapes, dtypes, labels, NaN."""
        return self._wrong_array() or self._wrong_value()

    def _wrong_array(self) -> str | None:
        import numpy as np  # noqa: PLC0415 - as above

        if not isinstance(self.signals, np.ndarray):
            return f"signals are a {type(self.signals).__name__}; a numpy array is wanted"
        if self.signals.ndim != 3:
            return f"signals have shape {self.signals.shape}; (window, lead, sample) is wanted"
        if self.signals.dtype != np.float32:
            return f"signals are {self.signals.dtype}; float32 millivolts are wanted"
        if self.signals.shape[1] != len(self.leads):
            return f"signals have {self.signals.shape[1]} leads, but {len(self.leads)} are named"
        n = len(self)
        for name, dtype in DTYPES.items():
            array = getattr(self, name)
            if array is None and name not in ("labels", "patients"):
                continue
            if not isinstance(array, np.ndarray):
                return f"{name} are a {type(array).__name__}; a numpy array is wanted"
            if array.shape != (n,):
                return f"{name} have shape {array.shape}; ({n},) is wanted, one for each window"
            if dtype not in (array.dtype.name, array.dtype.type.__name__):
                return f"{name} are {array.dtype}; {dtype} is wanted"
        return None

    def _wrong_value(self) -> str | None:
        import numpy as np  # noqa: PLC0415 - as above

        signals, n = self.signals, len(self)
        if n and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            return (
                f"labels run from {self.labels.min()} to {self.labels.max()}, but there are "
                f"{len(self.classes)} classes: {', '.join(self.classes)}"
            )
        bad = ~np.concatenate(  # of a few windows at a time: all may be larger than the memory
            [np.isfinite(signals[i : i + 1000]).all(axis=(1, 2)) for i in range(0, max(n, 1), 1000)]
        )
        if bad.any():
            return (
                f"{int(bad.sum())} of {n} windows hold NaN or infinite samples, "
                f"first window {int(bad.argmax())}"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The windows of a dataset, divided by the protocol (docs/protocol.md).

    In a run the arrays are read-only: a plugin that works in place works on a copy.

    Attributes:
        train: the only windows for a generator: half of the member patients' windows.
        control: a fifth of them: record-level non-members, and the comparison for fidelity.
        auxiliary: 15%: the attacker's knowledge, and the only windows to fit an encoder or a projection
            on for a measure of privacy.
        fresh: 15%: the ``real`` reference row; every generator is asked for its labels.
        test: all windows of the unseen patients (empty if the dataset has one patient).
        fold: 0 or 1, the half of the patients who are members.
    """

    train: EcgWindows
    control: EcgWindows
    auxiliary: EcgWindows
    fresh: EcgWindows
    test: EcgWindows
    fold: int
