"""One record of the database, read and checked against its own header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import wfdb

from ecgbench import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Record:
    """The contents of the files of a record.

    Attributes:
        name: of the record.
        signals: float64, shape (lead, sample), mV.
        leads: names, one for each signal.
        sampling_rate: Hz.
        samples: int64, shape (annotation,), the sample of each annotation.
        symbols: text, shape (annotation,), one character each.
        attributes: the person's ``sex`` ("F" or "M") and ``age`` (years), if the header has them.
    """

    name: str
    signals: NDArray[np.float64]
    leads: tuple[str, ...]
    sampling_rate: float
    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]
    attributes: dict[str, str | float]

    def select(self, leads: tuple[str, ...]) -> NDArray[np.float64]:
        """Return the signals of these leads, in this order; float64, shape (lead, sample), mV.

        Raises:
            DataError: a sample of them is missing.
        """
        chosen = self.signals[[self.leads.index(lead) for lead in leads]]
        if np.isnan(chosen).any():
            lead, sample = np.argwhere(np.isnan(chosen))[0]
            raise DataError(
                f"record {self.name}: {int(np.isnan(chosen).sum())} samples are missing (NaN), "
                f"first sample {sample} of lead {leads[lead]}"
            )
        return chosen


def read(folder: Path, name: str) -> Record:
    """Read the header, the signals and the reference annotations of a record.

    Args:
        folder: the folder of ``NAME.hea``, ``NAME.dat`` and ``NAME.atr``.
        name: of the record.

    Raises:
        DataError: a file is missing or cannot be read, the header disagrees with the signals, or an
            annotation stands outside them; the message names the record.
    """
    try:
        _check_size(name, wfdb.rdheader(str(folder / name)), folder)
        record = wfdb.rdrecord(str(folder / name), physical=False)
        annotations = wfdb.rdann(str(folder / name), "atr")
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"record {name}: there is no file {error.filename}") from None
    except Exception as error:  # wfdb fails in many ways on files that are not what they claim
        raise DataError(
            f"record {name}: its files are corrupt or disagree with its header "
            f"({type(error).__name__}: {error})"
        ) from error
    _check_signals(name, record)
    samples, length = annotations.sample, len(record.d_signal)
    if not len(samples):
        raise DataError(f"record {name}: its annotation file is empty")
    outside = (samples < 0) | (samples >= length)
    if outside.any():
        raise DataError(
            f"record {name}: an annotation stands at sample {samples[outside][0]}, outside the "
            f"record's {length} samples"
        )
    return Record(
        name=name,
        signals=np.ascontiguousarray(record.dac().T),
        leads=tuple(record.sig_name),
        sampling_rate=float(record.fs),
        samples=samples.astype(np.int64),
        symbols=np.array(annotations.symbol, dtype=np.str_),
        attributes=_attributes(record.comments),
    )


def _check_size(name: str, header: Any, folder: Path) -> None:
    """Compare length, format and number of signals in the header with the size of the signal file."""
    files, formats = set(header.file_name), set(header.fmt)
    if len(files) != 1 or formats != {"212"}:
        raise DataError(
            f"record {name}: the header says format {', '.join(formats)} in {len(files)} files; the "
            "database has both signals in one file in format 212"
        )
    size = (folder / files.pop()).stat().st_size
    wanted = (3 * header.sig_len * header.n_sig + 1) // 2
    if size != wanted:
        raise DataError(
            f"record {name}: the header disagrees with the signal file: {header.sig_len} samples of "
            f"{header.n_sig} signals take {wanted} bytes, the file has {size}"
        )


def _check_signals(name: str, record: Any) -> None:
    """Compare unit and checksum of each signal in the header with the signal."""
    for lead, unit in zip(record.sig_name, record.units, strict=True):
        if unit != "mV":
            raise DataError(f"record {name}: lead {lead} is in {unit!r}; mV is wanted")
    sums = record.d_signal.sum(axis=0, dtype=np.int64)
    for lead, stated, total in zip(record.sig_name, record.checksum, sums, strict=True):
        if stated is None or int(stated) % 65536 != int(total) % 65536:
            raise DataError(
                f"record {name}: the header disagrees with the signal of lead {lead}: its checksum "
                f"is {stated}, that of the signal {int(total) % 65536}"
            )


def _attributes(comments: list[str]) -> dict[str, str | float]:
    """Return age and sex from the first comment, such as ``69 M 1085 1629 x1``; age −1 is unknown."""
    age, sex = [*(comments or [""])[0].split(), "", ""][:2]
    attributes: dict[str, str | float] = {}
    if sex in ("F", "M"):
        attributes["sex"] = sex
    if age.isdecimal():
        attributes["age"] = float(age)
    return attributes
