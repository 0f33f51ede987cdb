from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.signal import correlate

from ecgbench import Config
from ecgbench.metrics.statistics.autocorrelation import (
    _autocorrelation,
    autocorrelation_difference,
)
from ecgbench.metrics.statistics.scaling import min_max

if TYPE_CHECKING:
    from tests.metrics.statistics.conftest import Cell


def by_scipy(windows: np.ndarray, lags: int) -> np.ndarray:
    """Of all windows together, by scipy's correlation of each with itself."""
    centred = windows - windows.mean()
    samples = windows.shape[1]
    sums = np.sum([correlate(each, each)[samples - 1 :] for each in centred], axis=0)
    covariances = sums / (len(windows) * (samples - np.arange(samples)))
    return np.asarray(covariances[:lags] / covariances[0])


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("row", ["fresh", "noisy", "noise"])
def test_it_is_the_distance_of_what_scipy_finds(cell: Cell, row: str, leads: int) -> None:
    comparison = cell(row, leads=leads)  # type: ignore[arg-type]
    control, synthetic = (side.part(slice(None)) for side in min_max(comparison))
    expected = [
        np.linalg.norm(by_scipy(control[:, lead], 64) - by_scipy(synthetic[:, lead], 64))
        for lead in range(leads)
    ]
    found = autocorrelation_difference(comparison, Config())
    assert found.value == pytest.approx(np.mean(expected))


def test_an_autoregression_has_the_autocorrelation_that_it_is_known_to_have() -> None:
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((3000, 80))
    windows = np.empty_like(steps)
    windows[:, 0] = steps[:, 0] / np.sqrt(1 - 0.8**2)
    for t in range(1, 80):
        windows[:, t] = 0.8 * windows[:, t - 1] + steps[:, t]
    assert _autocorrelation(windows).values == pytest.approx(0.8 ** np.arange(64), abs=0.02)


def test_windows_shorter_than_the_lags_have_as_many_lags_as_samples() -> None:
    windows = np.random.default_rng(0).standard_normal((50, 10))
    assert _autocorrelation(windows).values == pytest.approx(by_scipy(windows, 10))
