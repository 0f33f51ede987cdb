"""Small recordings, written with wfdb or by hand."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 200


def ecg(seconds: float, rate: float = RATE, beats: float = 1.0) -> NDArray[np.float64]:
    """Pulses of 1 mV, one each second by default, on a small wave; shape (sample,)."""
    time = np.arange(round(seconds * rate)) / rate
    near = (time - beats / 2) % beats - beats / 2
    near = np.where(time < beats / 4, 1.0, near)
    return np.exp(-0.5 * (near / 0.02) ** 2) + 0.05 * np.sin(2 * np.pi * time / 3.7)


def write(folder: Path, name: str, signals: Any, **changes: Any) -> None:
    """Write a WFDB record in format 16: 1,000 steps in a mV, leads I, II and so on."""
    import wfdb

    signals = np.atleast_2d(signals)
    n = len(signals)
    values: dict[str, Any] = {
        "fs": RATE,
        "units": ["mV"] * n,
        "sig_name": ["I", "II", "III", "V1"][:n],
        "p_signal": signals.T,
        "fmt": ["16"] * n,
        "adc_gain": [1000] * n,
        "baseline": [0] * n,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrsamp(name, write_dir=str(folder), **(values | changes))


def mark(folder: Path, name: str, samples: Any, symbols: str, notes: Any = None) -> None:
    import wfdb

    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
        wfdb.wrann(
            name,
            "atr",
            np.array(samples),
            symbol=list(symbols),
            aux_note=None if notes is None else list(notes),
            write_dir=str(folder),
        )


def describe(folder: Path, **sections: str) -> Path:
    """Write a dataset file of strips of lead I beside the folder ``records``; sections replace its own."""
    parts = {
        "top": 'name = "mine"\nsummary = "a test"\nlicence = "none"\n',
        "source": 'folder = "records"',
        "records": "",
        "leads": 'default = ["I"]',
        "people": "",
        "windows": 'kind = "strip"\nleave_out = []',
        "classes": "strip = {}",
    } | sections
    text = parts.pop("top") + "".join(f"\n[{key}]\n{value}\n" for key, value in parts.items())
    file = folder / "mine.toml"
    file.write_text(text, "utf-8")
    return file


def load(file: Path, **settings: Any) -> Any:
    """The windows of a dataset file."""
    from ecgbench.contracts.config import build
    from ecgbench.recordings.spec import described

    spec = described(file)
    return spec.load()(build(spec.config, settings, where="dataset mine"), None)
