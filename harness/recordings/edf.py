"""EDF, EDF+ and BDF, through pyedflib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.errors import DataError
from ecgbench.recordings import marks as marks_of
from ecgbench.recordings.recording import Recording, as_annotations, naming, numbered, per_mv

if TYPE_CHECKING:
    from pathlib import Path

OWN = "edf"
"""As suffix of marks: the annotations within the file."""


def read(folder: Path, name: str, *, marks: str | None = None) -> Recording:
    """Read a file; a person's sex and age come from its header.

    Signals without a unit of voltage, or of a lower rate than others, are among ``others``.  ``ECG II`` is
    called ``II``.

    Args:
        folder: of the recordings.
        name: of the recording, without ``.edf`` or ``.bdf``.
        marks: ``edf`` for the annotations of the file: their text is symbol and note; the suffix of a
            table beside it; or None.

    Raises:
        DataError: pyedflib is not installed, or the file cannot be read.
    """
    try:
        import pyedflib  # noqa: PLC0415 - an extra
    except ImportError:
        raise DataError("EDF needs pyedflib: pip install 'synthetic-ecgbench[edf]'") from None
    file = next(
        (
            f
            for f in (folder / f"{name}{s}" for s in (".edf", ".bdf", ".EDF", ".BDF"))
            if f.is_file()
        ),
        folder / f"{name}.edf",
    )
    if not file.is_file():
        raise DataError(f"record {name}: there is no file {file}")
    with naming(name), pyedflib.EdfReader(str(file)) as opened:
        count = opened.signals_in_file
        heads = [label.strip().removeprefix("ECG ").strip() for label in opened.getSignalLabels()]
        leads = numbered(heads)
        units = [opened.getPhysicalDimension(at).strip() for at in range(count)]
        rates = [float(opened.getSampleFrequency(at)) for at in range(count)]
        others = {
            lead: f"its unit is {unit or 'not said'}"
            for lead, unit in zip(leads, units, strict=True)
            if per_mv(unit) is None
        }
        most = max(
            (r for lead, r in zip(leads, rates, strict=True) if lead not in others), default=0.0
        )
        others |= {
            lead: f"its rate is {rate:g} Hz, that of others {most:g} Hz"
            for lead, rate in zip(leads, rates, strict=True)
            if rate != most and lead not in others
        }
        kept = [at for at, lead in enumerate(leads) if lead not in others]
        signals = [opened.readSignal(at) / (per_mv(units[at]) or 1.0) for at in kept]
        told = None
        if marks == OWN:
            onsets, _, texts = opened.readAnnotations()
            samples = np.rint(np.asarray(onsets, dtype=np.float64) * most).astype(np.int64)
            told = as_annotations(samples, [str(text) for text in texts], [str(t) for t in texts])
        person = _person(opened)
    if marks not in (None, OWN):
        told = marks_of.read(folder, name, str(marks))
    return Recording(
        name=name,
        signals=np.stack(signals) if signals else np.zeros((0, 0)),
        leads=tuple(leads[at] for at in kept),
        sampling_rate=most,
        annotations=told,
        attributes=person,
        others=others,
    )


def _person(opened: object) -> dict[str, str | float]:
    """Return what the header says of the person."""
    header = opened.getHeader()  # type: ignore[attr-defined]  # pyedflib has no types
    found: dict[str, str | float] = {}
    sex = str(header.get("sex") or header.get("gender") or "").strip().upper()[:1]
    if sex in ("F", "M"):
        found["sex"] = sex
    code = str(header.get("patientcode") or "").strip()
    if code and code.upper() != "X":
        found["patient"] = code
    return found
