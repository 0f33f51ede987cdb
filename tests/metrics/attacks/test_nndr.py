from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Config
from ecgbench.metrics.attacks.nndr import nndr
from ecgbench.metrics.attacks.parts import parts_of_train
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return nndr(comparison, Config())


def ratios(comparison: Comparison) -> NDArray[np.float64]:
    distances = np.sort(cdist(flat(comparison, "synthetic"), flat(comparison, "control")), axis=1)
    return np.asarray(distances[:, 0] / distances[:, 1])


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_the_difference_of_medians_by_brute_force(
    cell: Cell, copies: float, leads: int
) -> None:
    comparison = cell(copies=copies, leads=leads)
    of_parts = [ratios(part) for part in parts_of_train(comparison)]
    of_control = ratios(comparison)
    found = score(comparison)
    expected = np.mean([np.median(each) for each in of_parts]) - np.median(of_control)
    assert found.value == pytest.approx(expected)
    assert found.parts["control-p05"] == pytest.approx(np.quantile(of_control, 0.05))
    assert found.parts["train-p05"] == pytest.approx(
        np.mean([np.quantile(each, 0.05) for each in of_parts])
    )


def test_fresh_real_windows_score_0(cell: Cell) -> None:
    values = [score(cell(copies=0, seed=seed)).value for seed in range(24)]
    assert np.mean(values) == pytest.approx(0, abs=0.01)


def test_a_median_does_not_see_that_one_window_in_ten_was_copied(cell: Cell) -> None:
    """The documented blind spot."""
    moved = [
        score(cell(copies=0.03, seed=k)).value - score(cell(copies=0, seed=k)).value
        for k in range(8)
    ]
    assert np.mean(moved) == pytest.approx(0, abs=0.01)
