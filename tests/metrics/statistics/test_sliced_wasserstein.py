from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from ecgbench import Skip
from ecgbench.metrics.statistics import SlicedWassersteinConfig
from ecgbench.metrics.statistics.sliced_wasserstein import _directions, sliced_wasserstein

if TYPE_CHECKING:
    from tests.metrics.statistics.conftest import Cell, Pair

FEW = SlicedWassersteinConfig(projections=20)


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_mean_over_directions_of_what_scipy_finds(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads, sigma=1)
    control, synthetic = comparison.splits.control, comparison.synthetic
    directions = _directions(comparison, FEW)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1)

    def expected(real: np.ndarray, made: np.ndarray) -> float:
        real, made = real.reshape(len(real), -1), made.reshape(len(made), -1)
        return float(np.mean([wasserstein_distance(real @ d, made @ d) for d in directions]))

    found = sliced_wasserstein(comparison, FEW)
    assert found.value == pytest.approx(expected(control.signals, synthetic.signals))
    of_class = control.signals[control.labels == 1], synthetic.signals[synthetic.labels == 1]
    assert found.parts["sliced-wasserstein-V"] == pytest.approx(expected(*of_class))


def test_a_shifted_set_is_as_far_as_the_shift_seen_from_all_sides(pair: Pair) -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((100, 1, 40))
    shift = rng.standard_normal((1, 40))
    found = sliced_wasserstein(pair(signals, signals + shift), SlicedWassersteinConfig())
    length = np.linalg.norm(shift)
    assert found.value == pytest.approx(length * sqrt(2 / (pi * 40)), rel=0.08)


def test_a_gain_widens_white_noise_by_itself(pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((2000, 1, 40))
    found = sliced_wasserstein(pair(signals, 1.5 * signals), FEW)
    assert found.value == pytest.approx(0.5 * sqrt(2 / pi), rel=0.02)  # of the standard normal


def test_halves_of_control_are_as_near_as_real_windows_but_for_their_number(cell: Cell) -> None:
    for seed in (0, 1):
        found = sliced_wasserstein(cell("fresh", seed=seed), FEW)
        assert found.value < found.parts["control-to-control"] < 3 * found.value


def test_one_control_window_is_not_enough(pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((5, 1, 40))
    with pytest.raises(Skip, match="two control windows"):
        sliced_wasserstein(pair(signals[:1], signals), FEW)
