"""One record of the database: its signals, and the cardiologists' marks of the boundaries of waves."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import wfdb

from ecgbench import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SAMPLING_RATE = 500.0
"""Hz, of every record."""

COUNTS_PER_MV = 1000.0
"""One count is 1 µV here, against the headers.

The headers' gains make each lead of each record span exactly 1 mV, and I + III is no longer II.  In
counts I + III is II, in every sample of all records, so the counts have one scale; with 1 µV a count the
leads are as large as those of adults (docs/data.md).
"""

PEAKS = {"p": "P", "N": "QRS", "t": "T"}
"""The wave of each symbol of a peak; ``(`` is an onset and ``)`` an offset."""


def signals(folder: Path, record: int, leads: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the signals of a record.

    Args:
        folder: the database's folder, with ``data``.
        record: its number, the same as the patient's.
        leads: names, of ``ecgbench.datasets.ludb.LEADS``.

    Returns:
        float64, shape (lead, sample), mV, at `SAMPLING_RATE`, in the order of ``leads``.

    Raises:
        DataError: a file is missing or cannot be read, the header disagrees with the signals, or a
            lead is not among them; the message names the record.
    """
    with _naming(record):
        recording = wfdb.rdrecord(str(folder / "data" / str(record)), physical=False)
        counts: NDArray[np.int64] = recording.d_signal.T.astype(np.int64)
        names = recording.sig_name
        if recording.fs != SAMPLING_RATE:
            raise DataError(
                f"record {record}: its header says {recording.fs:g} Hz; 500 Hz are wanted"
            )
        for lead, stated, total in zip(names, recording.checksum, counts.sum(axis=1), strict=True):
            if (stated - total) % 65536:
                raise DataError(
                    f"record {record}: the header disagrees with the signal of lead {lead}: its "
                    f"checksum is {stated}, that of the signal {total % 65536}"
                )
        absent = [lead for lead in leads if lead.lower() not in names]
        if absent:
            raise DataError(f"record {record}: there is no {absent[0]} among {', '.join(names)}")
        return counts[[names.index(lead.lower()) for lead in leads]] / COUNTS_PER_MV


def boundaries(folder: Path, record: int, lead: str) -> dict[str, NDArray[np.float64]]:
    """Return onset, peak and offset of each wave of one lead, as a cardiologist marked them.

    Each lead was marked on its own.  Boundaries are those of the files: of the 21,965
    QRS complexes of all leads, 104 have no onset, 18 (and a P wave) an onset one or two samples after
    the peak, and one has no offset.  Marks without a whole wave are left out: two pairs of boundaries
    without a peak, in V5 of record 8, and 12 of the 58,423 peaks, in record 116.

    Args:
        folder: the database's folder, with ``data``.
        record: its number, the same as the patient's.
        lead: a name, of ``ecgbench.datasets.ludb.LEADS``.

    Returns:
        For each of ``P``, ``QRS`` and ``T`` float64, shape (wave, 3), in order of time: onset, peak
        and offset, in samples at `SAMPLING_RATE` from the start of the record; NaN where a boundary
        is not marked.

    Raises:
        DataError: the file is missing, cannot be read or holds other marks; the message names the
            record.
    """
    with _naming(record):
        marks = wfdb.rdann(str(folder / "data" / str(record)), lead.lower())
        symbols, samples = marks.symbol, marks.sample
    others = set(symbols) - {*PEAKS, "(", ")"}
    if others or not symbols:
        raise DataError(
            f"record {record}: the marks of lead {lead} are {', '.join(sorted(others)) or 'absent'}; "
            f"wanted are {' '.join([*PEAKS, '(', ')'])}"
        )
    waves: dict[str, list[list[float]]] = {wave: [] for wave in PEAKS.values()}
    for group in re.finditer(r"[^)]+\)?", "".join(symbols)):
        at = dict(zip(group[0], samples[slice(*group.span())], strict=True))
        peaks = [symbol for symbol in at if symbol in PEAKS]
        if len(peaks) == 1 and len(at) == len(group[0]):
            boundary = [at.get(symbol, np.nan) for symbol in ("(", peaks[0], ")")]
            waves[PEAKS[peaks[0]]].append(boundary)
    return {wave: np.array(places, np.float64).reshape(-1, 3) for wave, places in waves.items()}


@contextmanager
def _naming(record: int) -> Iterator[None]:
    """Turn wfdb's errors into a `DataError` that names the record."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"record {record}: there is no file {error.filename}") from None
    except Exception as error:  # wfdb fails in many ways on files that are not what they claim
        raise DataError(
            f"record {record}: its files are corrupt or disagree with its header "
            f"({type(error).__name__}: {error})"
        ) from error
