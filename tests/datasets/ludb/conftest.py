"""A small database in the layout of `ludb`, and the real one."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.datasets.physionet import FOLDER
from ecgbench.harness.data import physionet
from ecgbench.recordings import description, waves
from tests.shipped import load as load_shipped
from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import EcgWindows


SPEC = shipped("ludb")
LEADS = description.read(FOLDER / "ludb.toml").leads.everywhere
SAMPLES = 5000
BEATS = np.arange(700, 4200, 440)
NAMES = [lead.lower() for lead in LEADS]
TABLE = (
    "ID,Sex,Age,Rhythms,Electric axis of the heart,Conduction abnormalities,Extrasystolies,"
    "Hypertrophies,Cardiac pacing,Ischemia,Non-specific repolarization abnormalities,Other states\n"
    '1,"F\n","51\n",Sinus bradycardia,Electric axis of the heart: vertical,,,"Left atrial '
    'overload\nLeft ventricular hypertrophy",,,,\n'
    '2,"M\n",">89\n","Sinus rhythm\nWandering atrial pacemaker",,,,,"P-synchrony",,,\n'
    '10,"M\n","19\n",Sinus rhythm,,,,,,,,Early repolarization syndrome\n'
)


def load(folder: Path, **settings: Any) -> EcgWindows:
    """All windows, read as the harness reads them."""
    return load_shipped(SPEC, folder, **settings)


def signals(folder: Path, record: int, leads: tuple[str, ...]) -> NDArray[np.float64]:
    """These leads of a record, mV."""
    from ecgbench.recordings import wfdb

    found = wfdb.read(folder / "data", str(record), counts_per_mv=1000)
    return found.select([lead.lower() for lead in leads])


def boundaries(folder: Path, record: int, lead: str) -> dict[str, NDArray[np.float64]]:
    """Onset, peak and offset of each wave of a lead."""
    from ecgbench.recordings import wfdb

    return waves.boundaries(wfdb.read_marks(folder / "data", str(record), lead.lower()))


def write_record(folder: Path, record: int, **changes: Any) -> None:
    """10 s with pulses of 100 counts in lead I to 1200 in V6, scaled by the header to span 1 mV."""
    import wfdb

    time = np.arange(SAMPLES)[:, np.newaxis] - BEATS
    pulses = np.exp(-0.5 * (time / 10) ** 2).sum(axis=1)[:, np.newaxis]
    names = changes.pop("sig_name", NAMES)
    heights = np.array([100 * (1 + NAMES.index(name)) for name in names])
    values: dict[str, Any] = {
        "fs": 500,
        "units": ["mV"] * len(names),
        "sig_name": names,
        "d_signal": np.rint(heights * pulses).astype(np.int64),
        "fmt": ["16"] * len(names),
        "adc_gain": heights.tolist(),
        "baseline": [0] * len(names),
    }
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrsamp(str(record), write_dir=str(folder / "data"), **(values | changes))


def write_marks(folder: Path, record: int, lead: str, samples: Any, symbols: str) -> None:
    import wfdb

    to, marks = str(folder / "data"), {"sample": np.array(samples), "symbol": list(symbols)}
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrann(str(record), "marks", **marks, write_dir=to)
    # wfdb writes no suffix with a digit
    (folder / f"data/{record}.marks").replace(folder / f"data/{record}.{lead.lower()}")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients; the marks in a lead stand 4 samples (8 ms) after those in the lead before it."""
    folder = tmp_path_factory.mktemp("ludb")
    (folder / "data").mkdir()
    (folder / "ludb.csv").write_text(TABLE)
    for record in (1, 2, 10):
        write_record(folder, record)
    around = np.array([-110, -90, -70, -30, 0, 30, 90, 130, 160])
    for number, lead in enumerate(LEADS):
        samples = (BEATS[:, np.newaxis] + around + 4 * (number - 1)).ravel()
        write_marks(folder, 1, lead, samples, "(p)(N)(t)" * len(BEATS))
        for record in (2, 10):
            shutil.copy(folder / f"data/1.{lead.lower()}", folder / f"data/{record}.{lead.lower()}")
    return folder


@pytest.fixture
def damaged(database: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(database, tmp_path / "ludb")
    return tmp_path / "ludb"


@pytest.fixture(scope="session")
def real_folder(data_dir: Path) -> Path:
    assert SPEC.source is not None
    folder = physionet.find(SPEC.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no ludb")
    return folder


@pytest.fixture(scope="session")
def real(real_folder: Path) -> EcgWindows:
    return load(real_folder)


@pytest.fixture(scope="session")
def marked(real_folder: Path) -> dict[str, Counter[str]]:
    """Of each lead, how often each symbol stands in the files of all records."""
    import wfdb

    found = {lead: Counter[str]() for lead in LEADS}
    for name in (real_folder / "RECORDS").read_text().split():
        for lead in LEADS:
            found[lead].update(wfdb.rdann(str(real_folder / name), lead.lower()).symbol)
    return found
