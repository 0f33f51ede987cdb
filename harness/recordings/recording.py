"""`Recording`: the content of the files of one recording, whatever their format."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

PER_MV = {"v": 1e-3, "mv": 1.0, "uv": 1e3, "µv": 1e3, "μv": 1e3, "nv": 1e6}
"""Units of voltage in a millivolt, in lower case; µ is in Unicode twice."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """Marks on a recording, in the order of the file.

    Attributes:
        samples: int64, shape (mark,), the sample of each.
        symbols: text, shape (mark,): of a beat its kind, such as N or V.
        notes: text of each, such as ``(AFIB`` where atrial fibrillation begins; mostly empty.
    """

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.samples)


def as_annotations(
    samples: Sequence[int] | NDArray[np.integer],
    symbols: Sequence[str],
    notes: Sequence[str] | None = None,
) -> Annotations:
    """Return annotations from plain lists; notes lose white space and zeros at their ends."""
    told = ("",) * len(symbols) if notes is None else tuple(n.strip("\0 \t\n") for n in notes)
    text = np.array(symbols, dtype=np.str_) if len(symbols) else np.zeros(0, dtype="<U1")
    return Annotations(np.asarray(samples, dtype=np.int64), text, told)


@dataclass(frozen=True, eq=False)
class Recording:
    """The content of the files of a recording.

    Attributes:
        name: of the recording.
        signals: float64, shape (lead, sample), mV; NaN where a sample is missing.
        leads: names, one for each signal.
        sampling_rate: Hz.
        annotations: its marks; None if none were asked for.
        comments: lines of comments in its header.
        attributes: of the person, if the format has fields for them: ``sex``, ``age`` in years,
            ``patient`` (an identifier).
        others: the signals of its files without a voltage or of another rate, each with the reason.
    """

    name: str
    signals: NDArray[np.float64]
    leads: tuple[str, ...]
    sampling_rate: float
    annotations: Annotations | None = None
    comments: tuple[str, ...] = ()
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)

    def select(self, leads: Sequence[str]) -> NDArray[np.float64]:
        """Return the signals of these leads, in this order; float64, shape (lead, sample), mV.

        Raises:
            DataError: there is no such lead.
        """
        for lead in leads:
            if lead not in self.leads:
                raise DataError(
                    f"record {self.name}: there is no {lead} among {', '.join(self.leads) or 'no leads'}"
                )
        return self.signals[[self.leads.index(lead) for lead in leads]]


def per_mv(unit: str) -> float | None:
    """Return the number of these units in a millivolt; None if it is no unit of voltage."""
    return PER_MV.get(unit.strip().casefold())


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Return unlike names: the second ``ECG`` of a recording is ``ECG-2``."""
    seen: dict[str, int] = {}
    unlike = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unlike.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(unlike)


@contextmanager
def naming(record: str) -> Iterator[None]:
    """Turn each error of a library into a `DataError` with the name of the record."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"record {record}: there is no file {error.filename}") from None
    except Exception as error:  # libraries fail in many ways on files that are not what they claim
        text = " ".join(str(error).split())
        raise DataError(
            f"record {record}: its files are corrupt or disagree with its header "
            f"({type(error).__name__}: {text})"
        ) from error
