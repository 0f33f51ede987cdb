from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from ecgbench import Config
from ecgbench.metrics.statistics.moments import (
    _kurtosis,
    _skewness,
    kurtosis_difference,
    skewness_difference,
)
from ecgbench.metrics.statistics.scaling import min_max

if TYPE_CHECKING:
    from tests.metrics.statistics.conftest import Cell


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("row", ["fresh", "noisy", "noise"])
def test_they_are_the_differences_of_what_scipy_finds(cell: Cell, row: str, leads: int) -> None:
    comparison = cell(row, leads=leads)  # type: ignore[arg-type]
    skews, kurtoses = [], []
    for scaled in min_max(comparison):
        side = scaled.part(slice(None))
        n = side[:, 0].size  # scipy divides by the biased deviation
        skews.append([skew(side[:, lead].ravel()) * (1 - 1 / n) ** 1.5 for lead in range(leads)])
        kurtoses.append([kurtosis(side[:, lead].ravel()) for lead in range(leads)])
    for function, moments in ((skewness_difference, skews), (kurtosis_difference, kurtoses)):
        found = function(comparison, Config())
        assert found.value == pytest.approx(np.abs(np.subtract(*moments)).mean(), abs=1e-9)
        assert found.parts["control"] == pytest.approx(np.mean(moments[0]), abs=1e-9)
        assert found.parts["synthetic"] == pytest.approx(np.mean(moments[1]), abs=1e-9)


def test_an_exponential_distribution_has_skewness_2_and_kurtosis_6() -> None:
    values = np.random.default_rng(0).exponential(size=(20_000, 50))
    assert _skewness(values).value == pytest.approx(2, abs=0.05)
    assert _kurtosis(values).value == pytest.approx(6, abs=0.4)


def test_equal_values_have_moments_too() -> None:
    values = np.full((5, 4), 3.0)
    assert (_skewness(values).value, _kurtosis(values).value) == (0, -3)
