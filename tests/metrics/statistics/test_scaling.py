from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.metrics.statistics.scaling import min_max

if TYPE_CHECKING:
    from tests.metrics.statistics.conftest import Pair


def test_every_sample_of_control_fills_the_unit_interval(pair: Pair) -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((40, 2, 9)) * rng.uniform(0.1, 3, size=(2, 9))
    sides = min_max(pair(signals, 2 * signals))
    control, synthetic = (side.part(slice(None)) for side in sides)
    assert control.min(axis=0) == pytest.approx(0)
    assert control.max(axis=0) == pytest.approx(1, abs=1e-5)
    low = signals.min(axis=0)
    expected = (2 * signals - low) / (signals.max(axis=0) - low)
    assert synthetic == pytest.approx(expected, abs=1e-4)


def test_a_sample_without_any_difference_among_real_windows_tells_nothing(pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((40, 1, 9))
    control = signals.copy()
    control[:, :, 3] = 0.7
    for scaled in min_max(pair(control, signals)):
        side = scaled.part(slice(None))
        assert not side[:, :, 3].any()
        assert side[:, :, 4].any()
