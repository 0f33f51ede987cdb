"""DICOM waveforms, through pydicom: general and twelve-lead ECG.

Source: DICOM PS3.3, C.10.9 Waveform Module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings import marks as marks_of
from ecgbench.recordings.recording import Recording, naming, numbered, per_mv

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL = "ORIGINAL"
"""Of groups: DERIVED ones are median beats and the like."""


def read(folder: Path, name: str, *, marks: str | None = None) -> Recording:
    """Read the first original group of a waveform file; its other groups are not read.

    ``Lead II (Einthoven)`` is called ``II``.  Patient ID, sex and age come from the file.

    Args:
        folder: of the recordings.
        name: of the recording, without ``.dcm``.
        marks: suffix of the table of marks beside it; None to read none.

    Raises:
        DataError: pydicom is not installed, or the file cannot be read or holds no waveform.
    """
    try:
        import pydicom  # noqa: PLC0415 - an extra
        from pydicom.waveforms.numpy_handler import multiplex_array  # noqa: PLC0415 - as above
    except ImportError:
        raise DataError("DICOM needs pydicom: pip install 'synthetic-ecgbench[dicom]'") from None
    file = folder / f"{name}.dcm"
    with naming(name):
        told = pydicom.dcmread(file)
        groups = list(told.get("WaveformSequence", []))
        first = next((at for at, g in enumerate(groups) if _kind(g) == ORIGINAL), None)
        if first is None:
            raise DataError(f"record {name}: {file} holds no original waveform")
        group = groups[first]
        signals = np.asarray(multiplex_array(told, first, as_raw=False), dtype=np.float64).T
        channels = list(group.ChannelDefinitionSequence)
    leads = numbered([_lead(channel) for channel in channels])
    units = [_unit(channel) for channel in channels]
    others = {
        lead: f"its unit is {unit or 'not said'}"
        for lead, unit in zip(leads, units, strict=True)
        if per_mv(unit) is None
    }
    kept = [at for at, lead in enumerate(leads) if lead not in others]
    rows = [signals[at] / (per_mv(units[at]) or 1.0) for at in kept]
    return Recording(
        name=name,
        signals=np.stack(rows) if rows else np.zeros((0, 0)),
        leads=tuple(leads[at] for at in kept),
        sampling_rate=float(group.SamplingFrequency),
        annotations=None if marks is None else marks_of.read(folder, name, marks),
        attributes=_person(told),
        others=others,
    )


def _kind(group: Any) -> str:
    return str(group.get("WaveformOriginality", ORIGINAL)).upper()


def _lead(channel: Any) -> str:
    """Return the name of a channel's lead."""
    source = (channel.get("ChannelSourceSequence") or [None])[0]
    meaning = "" if source is None else str(source.get("CodeMeaning", ""))
    text = meaning or str(channel.get("ChannelLabel", "")) or "channel"
    return re.sub(r"^lead\s+|\s*\(.*\)$", "", text.strip(), flags=re.IGNORECASE)


def _unit(channel: Any) -> str:
    unit = (channel.get("ChannelSensitivityUnitsSequence") or [None])[0]
    return "" if unit is None else str(unit.get("CodeValue", ""))


def _person(told: Any) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    sex = str(told.get("PatientSex", "")).upper()
    if sex in ("F", "M"):
        found["sex"] = sex
    age = re.fullmatch(r"(\d{3})([DWMY])", str(told.get("PatientAge", "")))
    if age is not None:
        found["age"] = float(age[1]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[age[2]]
    if patient := str(told.get("PatientID", "")).strip():
        found["patient"] = patient
    return found
