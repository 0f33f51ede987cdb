"""WFDB, PhysioNet's format: a header, signals in any of its encodings, annotations.

Each signal is checked against its header: length of its file, checksum, unit.  Records of several segments
are put together, with NaN where a segment or a lead is absent.

Source: George Moody, WFDB Applications Guide, header(5), signal(5), annot(5).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import wfdb

from ecgbench.contracts.errors import DataError
from ecgbench.recordings.recording import (
    Annotations,
    Recording,
    as_annotations,
    naming,
    numbered,
    per_mv,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST_BYTES = 8 * 2**30
"""Of the signals of a record: a header may claim a gap of any length."""

BYTES = {
    "8": 1.0,
    "80": 1.0,
    "16": 2.0,
    "61": 2.0,
    "160": 2.0,
    "24": 3.0,
    "32": 4.0,
    "212": 1.5,
    "310": 4 / 3,
    "311": 4 / 3,
}
"""Bytes of a sample; a compressed format has no fixed number."""

MISSING = {
    "16": -(2**15),
    "61": -(2**15),
    "160": -(2**15),
    "24": -(2**23),
    "32": -(2**31),
    "212": -(2**11),
    "310": -(2**9),
    "311": -(2**9),
    "80": -(2**7),
    "508": -(2**7),
    "516": -(2**15),
    "524": -(2**23),
}
"""The number of a missing sample; differences (format 8) have none."""

GAIN = 200.0
"""Steps in a millivolt where a header says 0 or nothing: header(5)."""


def read(
    folder: Path,
    name: str,
    *,
    marks: str | None = None,
    counts_per_mv: float | None = None,
    exact: bool = False,
) -> Recording:
    """Read a record.

    Signals without a unit of voltage, or with fewer samples a frame than others, are among
    ``others``.  Of two signals of one name, the second is ``NAME-2``.

    Args:
        folder: of the database.
        name: path of the record in it, without ``.hea``.
        marks: suffix of its annotation file, ``atr`` for example; None to read none.
        counts_per_mv: steps of the converter in a millivolt, against the header's gains.
        exact: whether a signal file longer than its header says is an error; a shorter one always is.

    Raises:
        DataError: a file is missing or cannot be read, or the header disagrees with the signals; the
            message names the record.
    """
    path = folder.absolute() / name  # wfdb takes some relative paths for addresses
    with naming(name):
        header = wfdb.rdheader(str(path))
        _check_rate(path, name, header)
        if isinstance(header, wfdb.MultiRecord):
            found = _joined(folder, name, header, counts_per_mv)
        else:
            found = _plain(path, name, header, counts_per_mv, exact=exact)
    told = None if marks is None else read_marks(folder, name, marks)
    return Recording(
        name=name,
        signals=found.signals,
        leads=found.leads,
        sampling_rate=found.sampling_rate,
        annotations=told,
        comments=tuple(header.comments),
        others=found.others,
    )


def read_marks(folder: Path, name: str, marks: str) -> Annotations:
    """Read the annotation file of a record; see `read`.

    Raises:
        DataError: it is missing, empty or cannot be read; the message names the record.
    """
    with naming(name):
        told = wfdb.rdann(str(folder.absolute() / name), marks)
        if not len(told.sample):
            raise DataError(f"record {name}: its annotation file, .{marks}, is empty")
        return as_annotations(told.sample, told.symbol, told.aux_note)


def _plain(
    path: Path, name: str, header: Any, counts_per_mv: float | None, *, exact: bool = False
) -> Recording:
    """Return the signals of a record of one segment."""
    if not header.n_sig or not getattr(header, "file_name", None):
        raise DataError(f"record {name}: its header names no signal")
    if len(header.file_name) != header.n_sig:
        raise DataError(
            f"record {name}: the header says {header.n_sig} signals and describes "
            f"{len(header.file_name)}"
        )
    _check_sizes(path, name, header, exact=exact)
    counts = _counts(path, header)
    _check_sums(name, header, counts)
    units = _units(path, header.n_sig)
    gains = [gain or GAIN for gain in header.adc_gain]
    baselines = header.baseline
    if counts_per_mv is not None:
        gains, baselines = [counts_per_mv] * header.n_sig, [0] * header.n_sig
        units = ["mV"] * header.n_sig
    frames = header.samps_per_frame
    leads = numbered([str(lead) for lead in header.sig_name])
    others = {
        lead: f"its unit is {unit}"
        for lead, unit in zip(leads, units, strict=True)
        if per_mv(unit) is None
    }
    most = max((n for lead, n in zip(leads, frames, strict=True) if lead not in others), default=1)
    others |= {
        lead: f"its rate is {float(header.fs) * each:g} Hz, that of others {float(header.fs) * most:g} Hz"
        for lead, each in zip(leads, frames, strict=True)
        if each != most and lead not in others
    }
    kept = [at for at, lead in enumerate(leads) if lead not in others]
    signals = np.empty((len(kept), len(counts[kept[0]]) if kept else 0))
    for row, at in enumerate(kept):
        np.subtract(counts[at], baselines[at], out=signals[row])
        signals[row] /= gains[at]
        signals[row, counts[at] == MISSING.get(header.fmt[at])] = np.nan
        if units[at] != "mV":
            signals[row] /= per_mv(units[at])
    return Recording(
        name=name,
        signals=signals,
        leads=tuple(leads[at] for at in kept),
        sampling_rate=float(header.fs) * most,
        others=others,
    )


def _counts(path: Path, header: Any) -> list[NDArray[np.int64]]:
    """Return the whole numbers of each signal."""
    if _is_simple(header):  # wfdb would parse the header again, most of the time for a short record
        shape = header.sig_len, header.n_sig
        start = header.byte_offset[0] or 0
        file = path.parent / header.file_name[0]
        samples = np.fromfile(file, dtype="<i2", count=shape[0] * shape[1], offset=start)
        return list(samples.reshape(shape).T.astype(np.int64))
    big = [at for at, form in enumerate(header.fmt) if form == "61"]
    rest = [at for at in range(header.n_sig) if at not in big]
    counts = {}
    if rest:
        read = wfdb.rdrecord(str(path), channels=rest, physical=False, smooth_frames=False)
        counts = dict(zip(rest, read.e_d_signal, strict=True))
    if big:  # wfdb 4.3 cannot give format 61 as whole numbers
        read = wfdb.rdrecord(str(path), channels=big, smooth_frames=False)
        read.adc(expanded=True, inplace=True)
        counts |= dict(zip(big, read.e_d_signal, strict=True))
    return [counts[at] for at in range(header.n_sig)]


def _is_simple(header: Any) -> bool:
    """Return whether all signals are in one file of format 16, a sample of each in turn."""
    return bool(
        set(header.fmt) == {"16"}
        and set(header.samps_per_frame) == {1}
        and len(set(header.file_name)) == 1
        and len(set(header.byte_offset)) == 1
        and not any(header.skew)
        and header.sig_len
    )


def _joined(folder: Path, name: str, header: Any, counts_per_mv: float | None) -> Recording:
    """Return the signals of a record of several segments, one after another."""
    parent = name.rpartition("/")[0]
    parts: list[tuple[int, Recording]] = []
    others: dict[str, str] = {}
    order: list[str] = []
    rate, start = None, 0
    for segment, length in zip(header.seg_name, header.seg_len, strict=True):
        if segment != "~":
            inner = f"{parent}/{segment}" if parent else segment
            path = folder.absolute() / inner
            told = wfdb.rdheader(str(path))
            if not length:  # the layout: names alone
                order += numbered([str(lead) for lead in told.sig_name or ()])
                continue
            part = _plain(path, inner, told, counts_per_mv)
            others |= part.others
            if rate not in (None, part.sampling_rate) and part.leads:
                raise DataError(
                    f"record {name}: segment {segment} has {part.sampling_rate:g} Hz, others {rate:g} Hz"
                )
            if part.leads:
                rate = part.sampling_rate
                frames = round(rate / float(header.fs))
                if part.signals.shape[1] != length * frames:
                    raise DataError(
                        f"record {name}: the header says {length} samples of segment {segment}, which has "
                        f"{part.signals.shape[1] // frames}"
                    )
            parts.append((start, part))
        start += length
    frames = round((rate or float(header.fs)) / float(header.fs))
    present = dict.fromkeys([*order, *(lead for _, part in parts for lead in part.leads)])
    held = {lead for _, part in parts for lead in part.leads}
    leads = tuple(lead for lead in present if lead in held)
    if (size := 8 * len(leads) * start * frames) > MOST_BYTES:
        raise DataError(
            f"record {name}: with its gaps it has {start * frames} samples of {len(leads)} leads, which take "
            f"{size / 2**30:.0f} GiB; at most {MOST_BYTES >> 30}; cut it, or leave it out"
        )
    signals = np.full((len(leads), start * frames), np.nan)
    for at, part in parts:
        for lead, signal in zip(part.leads, part.signals, strict=True):
            signals[leads.index(lead), at * frames : at * frames + len(signal)] = signal
    return Recording(
        name=name,
        signals=signals,
        leads=leads,
        sampling_rate=rate or float(header.fs),
        others={lead: why for lead, why in others.items() if lead not in held},
    )


def _check_sizes(path: Path, name: str, header: Any, *, exact: bool) -> None:
    """Compare each signal file with the samples that the header claims."""
    for file in dict.fromkeys(header.file_name):
        mine = [at for at, other in enumerate(header.file_name) if other == file]
        size = (path.parent / file).stat().st_size
        form = header.fmt[mine[0]]
        if header.sig_len is None or form not in BYTES:
            continue
        samples = header.sig_len * sum(header.samps_per_frame[at] for at in mine)
        wanted = math.ceil(samples * BYTES[form]) + (header.byte_offset[mine[0]] or 0)
        if size < wanted or (exact and size > wanted):
            raise DataError(
                f"record {name}: the header disagrees with the signal file: {header.sig_len} samples of "
                f"{len(mine)} signals take {wanted} bytes, the file has {size}"
            )


def _check_sums(name: str, header: Any, counts: list[NDArray[np.int64]]) -> None:
    """Compare the checksum of each signal in the header with the signal."""
    for lead, stated, skew, signal in zip(
        header.sig_name, header.checksum, header.skew, counts, strict=True
    ):
        if stated is None or skew:
            continue
        total = int(signal.sum(dtype=np.int64)) % 65536
        if int(stated) % 65536 != total:
            raise DataError(
                f"record {name}: the header disagrees with the signal of lead {lead}: its checksum is "
                f"{stated}, that of the signal {total}"
            )


def _check_rate(path: Path, name: str, header: Any) -> None:
    """Compare the rate with the header's text: wfdb takes ``inf`` for no rate, so for 250 Hz."""
    [first, *_] = [*_lines(path), ""]
    rate = [*first.split(), "", "", ""][2].partition("/")[0].partition("(")[0]
    if rate and float(rate) != float(header.fs):
        raise DataError(f"record {name}: its header has the rate {rate!r}; Hz are wanted")


def _units(path: Path, count: int) -> list[str]:
    """Return the unit of each signal; wfdb loses a µ, and µV would be volts."""
    gains = ([*line.split(), "", "", ""][2] for line in _lines(path)[1 : 1 + count])
    return [gain.partition("/")[2] or "mV" for gain in gains]


def _lines(path: Path) -> list[str]:
    """Return the lines of a header without comments."""
    content = path.with_name(f"{path.name}.hea").read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
