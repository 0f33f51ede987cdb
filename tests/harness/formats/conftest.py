from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.harness.formats.table import FORMATS

NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "parquet" and not find_spec("pyarrow"), reason="needs pyarrow"
        ),
    )
    for name in FORMATS
]
CLASSES = ("N", "V", "F")


def windows(count: int = 12, leads: tuple[str, ...] = ("II", "V1"), length: int = 40) -> EcgWindows:
    """Return windows of two leads in millivolts, with records and positions."""
    rng = np.random.default_rng(3)
    return EcgWindows(
        signals=rng.normal(0.1, 0.4, (count, len(leads), length)).astype(np.float32),
        labels=(np.arange(count) % len(CLASSES)).astype(np.int64),
        patients=(np.arange(count) // 3).astype(np.int64),
        sampling_rate=100.0,
        leads=leads,
        classes=CLASSES,
        records=np.array([f"r{row // 3}" for row in range(count)]),
        positions=np.arange(count, dtype=np.float64) * 0.8125,
    )


def arrays(made: EcgWindows, **other: Any) -> dict[str, Any]:
    """Return windows as a user's bare arrays."""
    return {"signals": made.signals, "labels": made.labels} | {
        name: np.array(value) for name, value in other.items()
    }
