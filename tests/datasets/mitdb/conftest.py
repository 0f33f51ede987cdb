"""A small database in the layout of `mitdb`, and the real one."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.datasets.physionet import FOLDER
from ecgbench.harness.data import physionet
from ecgbench.recordings import description
from tests.shipped import load as load_shipped
from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows


FILE = description.read(FOLDER / "mitdb.toml")
SPEC = shipped("mitdb")
RECORDS = tuple(int(name) for name in FILE.records.names if name not in FILE.records.left_out)
"""Without the paced ones."""

SAMPLES = 7200
BEATS = np.arange(600, 6600, 500)
SYMBOLS = "NLRejAaJSVEF"
EXPECTED = [0] * 5 + [1] * 4 + [2] * 2 + [3]


def load(folder: Path, **settings: Any) -> EcgWindows:
    """All windows, read as the harness reads them."""
    return load_shipped(SPEC, folder, **settings)


def write_record(folder: Path, name: str, **changes: Any) -> None:
    """A record of 20 s with a beat of each symbol: pulses of 1 mV in MLII, of −2 mV in the other."""
    import wfdb

    time = np.arange(SAMPLES)[:, np.newaxis] - BEATS
    lead = np.exp(-0.5 * (time / 7.2) ** 2).sum(axis=1)
    names = {"114": ["V5", "MLII"], "124": ["MLII", "V4"]}.get(name, ["MLII", "V1"])
    values: dict[str, Any] = {
        "fs": 360,
        "units": ["mV", "mV"],
        "sig_name": names,
        "p_signal": np.stack([lead if n == "MLII" else -2 * lead for n in names], axis=1),
        "fmt": ["212", "212"],
        "adc_gain": [200, 200],
        "baseline": [0, 0],
        "comments": ["-1 M 742 654 x1" if name == "103" else "69 F 1085 1629 x1", "None"],
    }
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrsamp(name, write_dir=str(folder), **(values | changes))


def write_annotations(folder: Path, name: str, samples: Any, symbols: str) -> None:
    import wfdb

    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrann(name, "atr", np.array(samples), symbol=list(symbols), write_dir=str(folder))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All needed records, small; the paced ones do not even exist."""
    folder = tmp_path_factory.mktemp("mitdb")
    for record in RECORDS:
        write_record(folder, str(record))
        write_annotations(folder, str(record), BEATS, SYMBOLS)
    return folder


@pytest.fixture
def damaged(database: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(database, tmp_path / "mitdb")
    return tmp_path / "mitdb"


@pytest.fixture(scope="session")
def real_folder(data_dir: Path) -> Path:
    assert SPEC.source is not None
    folder = physionet.find(SPEC.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return folder


@pytest.fixture(scope="session")
def real(real_folder: Path) -> EcgWindows:
    return load(real_folder)


@pytest.fixture(scope="session")
def annotated(real_folder: Path) -> dict[int, Counter[str]]:
    """Of each real record, how many beats of each class (and Q) are annotated."""
    import wfdb

    class_of = {s: name for name, each in FILE.classes.items() for s in each.symbols}
    class_of |= dict.fromkeys(FILE.windows.unclassed["class Q"], "Q")
    found = {}
    for name in (real_folder / "RECORDS").read_text().split():
        symbols = wfdb.rdann(str(real_folder / name), "atr").symbol
        found[int(name)] = Counter(class_of[s] for s in symbols if s in class_of)
    return found
