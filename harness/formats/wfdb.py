"""A folder of WFDB records (PhysioNet's format), one record a window.

A label is a line ``# label: N`` of the record's header, or stands in ``labels.csv`` of the folder.
"""

from __future__ import annotations

import math
import re
import secrets
import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import EcgbenchError, StoreError, UsageError
from ecgbench.harness.formats.found import MAX_BYTES, Found, class_names, content, texts
from ecgbench.harness.formats.labels import write_labels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

LABEL = re.compile(r"label\s*[:=]\s*(.+)", re.IGNORECASE)

CASES = {unit.casefold(): unit for unit in ("mV", "uV")}

MAX_RECORD = 2**22
"""Samples of all leads of a record: a window of an hour in two leads is less."""

MAX_HEADER = 2**20
"""Bytes."""

LARGEST = 32767
"""Of a sample in format 16; −32768 means a missing one."""

FINEST = 1e5
"""Steps of the converter in a millivolt, at most."""


def read(folder: Path, labelled: bool) -> Found:
    """Read a folder of records; raises `UsageError` if these are no windows.

    Args:
        folder: of the records.
        labelled: whether the labels come from a file.
    """
    names, told = _names(folder)
    records = []
    first: Any = None
    for name in names:
        record = _record(folder, name)
        if first is None:
            first = record
            if record.p_signal.size * len(names) > MAX_BYTES // 8:
                raise UsageError(
                    f"{folder}: {len(names)} records like {name} are too large to read"
                )
        _check_like(folder, record, first)
        records.append(record)
    found = {
        "signals": np.stack([record.p_signal.T for record in records]),
        "sampling_rate": np.array(float(first.fs)),
        "leads": np.array([str(lead) for lead in first.sig_name]),
        "unit": np.array(first.units),
        "axes": np.array(["window", "lead", "sample"]),
        "windows": np.array(names),
    }
    labels = [_label(record) for record in records]
    if labelled or not any(labels):
        return Found(found, told)
    if not all(labels):
        missing = names[labels.index("")]
        raise UsageError(
            f"{folder}: the header of {missing} has no line '# label: …'; "
            f"{sum(map(bool, labels))} of {len(names)} have one (or --labels FILE)"
        )
    return Found(found | {"labels": np.array(labels)}, told)


def _names(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the records in order, and a remark on it."""
    listed = folder / "RECORDS"
    if listed.is_file():
        names = content(listed, MAX_HEADER * 64).decode("utf-8", "replace").split()
        if bad := next((name for name in names if not re.fullmatch(r"[\w-]+", name)), None):
            raise UsageError(f"{listed} names {bad!r}; records of this folder alone are read")
        if len(set(names)) < len(names):
            raise UsageError(f"{listed} names a record twice")
        told = []
    else:
        names = sorted(file.stem for file in folder.glob("*.hea"))
        told = ["its records are taken by name, for there is no file RECORDS"]
    if not names:
        raise UsageError(
            f"{folder} holds no WFDB records (*.hea), one a window; another format is one file: name that"
        )
    return names, told


def _record(folder: Path, name: str) -> Any:
    """Return a record with its samples in the units of its header, shape (sample, lead)."""
    where = f"{folder}: record {name}"
    header = content(folder / f"{name}.hea", MAX_HEADER).decode("utf-8", "replace")
    try:
        # an absolute path: wfdb takes others for addresses
        path = str(folder.absolute() / name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import wfdb  # noqa: PLC0415 - other formats need none

            record = wfdb.rdheader(path)
            _check_header(where, folder, record, header)
            record = wfdb.rdrecord(path)
    except EcgbenchError:
        raise
    except Exception as error:  # noqa: BLE001 - wfdb's own, of any type
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(f"{where} cannot be read ({first})") from None
    # the case of a unit varies between databases, also within one of them
    record.units = [CASES.get(str(unit).casefold(), str(unit)) for unit in record.units]
    if record.p_signal is None or not len(record.p_signal):
        raise UsageError(f"{where} holds no samples")
    return record


def _check_header(where: str, folder: Path, record: Any, header: str) -> None:
    """Check that a record is one plain segment of a bounded size, with a gain of its own."""
    if not hasattr(record, "file_name") or not record.n_sig or not record.file_name:
        raise UsageError(
            f"{where} has several segments, or no leads; one plain record a window is wanted"
        )
    if any(count != 1 for count in record.samps_per_frame):
        raise UsageError(
            f"{where} has leads of unlike rates: {record.samps_per_frame} samples a frame"
        )
    for file in set(record.file_name):
        if not re.fullmatch(r"[\w-]+\.?\w*", file):
            raise UsageError(
                f"{where} has its samples in {file!r}; a file of this folder is wanted"
            )
        content(folder / file, 8 * MAX_RECORD)
    if not 0 <= (record.sig_len or 0) * record.n_sig <= MAX_RECORD:
        raise UsageError(
            f"{where} claims {record.sig_len} samples of {record.n_sig} leads; one window a record is "
            f"wanted, of at most {MAX_RECORD} numbers"
        )
    lines = [line for line in header.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines[1 : 1 + record.n_sig]:
        gain = re.match(r"\d+\.?\d*(?:e[+-]?\d+)?", [*line.split(), "", "", ""][2], re.IGNORECASE)
        if gain is None or not float(gain[0]):
            raise UsageError(
                f"{where} has no gain in its header, so its samples are no millivolts (WFDB: uncalibrated)"
            )


def _check_like(folder: Path, record: Any, first: Any) -> None:
    name, other = record.record_name, first.record_name
    for what, own, wanted in (
        ("samples", record.p_signal.shape[0], first.p_signal.shape[0]),
        ("Hz", record.fs, first.fs),
        ("leads", ", ".join(map(str, record.sig_name)), ", ".join(map(str, first.sig_name))),
        ("units", ", ".join(map(str, record.units)), ", ".join(map(str, first.units))),
    ):
        if own != wanted:
            raise UsageError(
                f"{folder}: windows are unlike each other: record {name} has {own} ({what}), record "
                f"{other} has {wanted}"
            )


def _label(record: Any) -> str:
    found = (LABEL.fullmatch(line.strip()) for line in record.comments)
    return next((match[1].strip() for match in found if match), "")


def gain(signals: NDArray[np.float32]) -> float:
    """Return steps of a 16-bit converter in a millivolt: 1, 2 or 5 times a power of ten.

    The largest sample still fits, so each sample is kept to half a step.
    """
    most = float(np.abs(signals).max(initial=0.0))
    limit = min(FINEST, LARGEST / most if most else FINEST)
    power = 10.0 ** math.floor(math.log10(limit))
    return max(
        factor * power for factor in (1.0, 2.0, 5.0) if factor * power <= limit * (1 + 1e-12)
    )


def write(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write the folder ``NAME`` of records, with ``RECORDS`` and ``labels.csv``, and return its path.

    Samples are 16-bit whole numbers; all records have one gain (`gain`) and no date.

    Raises:
        UsageError: the folder is there and not empty.
        StoreError: it cannot be written.
    """
    target = folder / name
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{target} is there already, and records of two kinds must not mix; remove it"
        )
    signals = np.asarray(arrays["signals"], dtype=np.float32)
    steps = gain(signals)
    names = [f"w{row:06d}" for row in range(len(signals))]
    labels, leads = class_names(arrays), texts(arrays["leads"])
    rate = f"{float(arrays['sampling_rate']):.15g}"
    made = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        made.mkdir(parents=True)
        for record, window, label in zip(names, signals, labels, strict=True):
            counts = np.rint(window.astype(np.float64) * steps).astype("<i2").T
            (made / f"{record}.dat").write_bytes(np.ascontiguousarray(counts).tobytes())
            (made / f"{record}.hea").write_text(
                _header(record, rate, steps, counts, leads, label), "utf-8"
            )
        (made / "RECORDS").write_text("".join(f"{record}\n" for record in names), "utf-8")
        write_labels(made / "labels.csv", arrays, names)
        if target.exists():
            target.rmdir()
        made.rename(target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def _header(
    record: str,
    rate: str,
    steps: float,
    counts: NDArray[np.int16],
    leads: tuple[str, ...],
    label: str,
) -> str:
    lines = [f"{record} {len(leads)} {rate} {len(counts)}"]
    for at, lead in enumerate(leads):
        own = counts[:, at].astype(np.int64)
        checksum = (int(own.sum()) + 2**15) % 2**16 - 2**15
        lines.append(f"{record}.dat 16 {steps:.15g}(0)/mV 16 0 {own[0]} {checksum} 0 {lead}")
    return "\n".join([*lines, f"# label: {label}", ""])
