"""A comparison of random windows."""

from __future__ import annotations

import numpy as np
import pytest

from ecgbench.contracts.comparison import Comparison
from ecgbench.harness.data.split import number, split
from tests.harness.conftest import make_windows


def make_comparison() -> Comparison:
    rng = np.random.default_rng(2)
    windows = number(make_windows(rng.integers(6, size=300), rng.integers(3, size=300)))
    splits = split(windows, 0)
    signals = rng.standard_normal(splits.fresh.signals.shape).astype(np.float32)
    synthetic = splits.train.synthetic(signals, splits.fresh.labels)
    return Comparison(synthetic=synthetic, splits=splits, seed=0, headline_classes=windows.classes)


@pytest.fixture(name="comparison")
def _comparison() -> Comparison:
    return make_comparison()
