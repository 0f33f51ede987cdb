"""`detection-size` on learning curves and clouds with a known answer, and on rows of known quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from ecgbench.metrics.fidelity import DetectionSizeConfig
from ecgbench.metrics.fidelity.detection_size import (
    crossing,
    detection_size,
    learn,
    sizes_up_to,
    threshold,
)
from ecgbench.metrics.fidelity.judge import looks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.metrics.fidelity.conftest import Cell

CONFIG = DetectionSizeConfig(windows=32, held_out=100, trees=10)


def nearest_mean(
    known: NDArray[np.float32],
    is_synthetic: NDArray[np.bool_],
    unknown: NDArray[np.float32],
    _seed: int,
) -> NDArray[np.bool_]:
    real, synthetic = known[~is_synthetic].mean(axis=0), known[is_synthetic].mean(axis=0)
    return np.asarray((unknown - (real + synthetic) / 2) @ (synthetic - real) > 0)


def expected_size(shift: float, dimensions: int, accuracy: float) -> float:
    """The size at which the nearest mean of two unit Gaussians has this accuracy (Raudys 1967)."""
    sizes = np.geomspace(1, 10_000, 100_000)
    spread = (shift**2 + 2 * dimensions / sizes) * (1 + 1 / (2 * sizes)) + shift**2 / (2 * sizes)
    return float(sizes[np.searchsorted(ndtr(shift**2 / 2 / np.sqrt(spread)), accuracy)])


@pytest.mark.parametrize("shift", [2.0, 3.0])
def test_the_nearest_mean_of_two_gaussians_needs_as_many_windows_as_theory_says(
    shift: float,
) -> None:
    found = []
    for seed in range(10):
        real, synthetic = np.random.default_rng(seed).standard_normal((2, 1500, 60))
        synthetic[:, 0] += shift
        curve = learn(real, synthetic, 400, 1024, nearest_mean, seed)
        found.append(crossing(curve.sizes, curve.accuracies, threshold(800)).value)
    assert np.mean(found) == pytest.approx(
        np.log2(expected_size(shift, 60, threshold(800))), abs=0.25
    )


def test_two_equal_distributions_read_the_cap() -> None:
    real, synthetic = np.random.default_rng(0).standard_normal((2, 1400, 20))
    curve = learn(real, synthetic, 400, 4096, nearest_mean, 0)
    assert curve.sizes.tolist() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]
    value = crossing(curve.sizes, curve.accuracies, threshold(800)).value
    assert np.log2(1000) + 0.8 < value <= np.log2(1000) + 1


def test_the_threshold_is_the_exact_binomials() -> None:
    right = round(threshold(800) * 800)
    assert binom.sf(right - 1, 800, 0.75) <= 0.05 < binom.sf(right - 2, 800, 0.75)
    assert threshold(800) == pytest.approx(0.77625)


def test_sizes_double_up_to_the_largest() -> None:
    assert sizes_up_to(8) == [1, 2, 4, 8]
    assert sizes_up_to(9) == [1, 2, 4, 8, 9]


def test_the_crossing_is_interpolated_in_the_logarithm() -> None:
    sizes = np.array([8, 16, 32])
    assert crossing(sizes, np.array([0.6, 0.7, 0.9]), 0.8).value == pytest.approx(4.5)
    assert crossing(sizes, np.array([0.9, 0.95, 1.0]), 0.8).value == 3
    assert crossing(sizes, np.array([0.5, 0.6, 0.65]), 0.8).value == pytest.approx(5.5)
    assert crossing(sizes, np.array([0.4, 0.4, 0.4]), 0.8).value == 6


def test_a_dip_by_chance_is_evened_out() -> None:
    sizes = np.array([8, 16, 32, 64])
    dipped = crossing(sizes, np.array([0.5, 0.72, 0.68, 0.9]), 0.8)
    assert dipped.value == pytest.approx(crossing(sizes, np.array([0.5, 0.7, 0.7, 0.9]), 0.8).value)


@pytest.mark.parametrize(
    "accuracies", [(0.5, 0.6, 0.7, 0.9), (0.5, 0.72, 0.68, 0.9), (0.5, 0.55, 0.6, 0.65)]
)
def test_the_gradient_is_that_of_the_value(accuracies: tuple[float, ...]) -> None:
    sizes, at = np.array([8, 16, 32, 64]), np.array(accuracies)
    found, step = crossing(sizes, at, 0.8), 1e-6
    for place in range(4):
        moved = at.copy()
        moved[place] += step
        change = (crossing(sizes, moved, 0.8).value - found.value) / step
        assert found.gradient[place] == pytest.approx(change, abs=1e-4)


def test_a_judge_sees_a_faint_tone_in_its_band_alone() -> None:
    rng, time = np.random.default_rng(0), np.arange(200) / 100
    noise = 0.1 * rng.standard_normal((300, 1, 200), dtype=np.float32)
    signals = 0.1 * rng.standard_normal((300, 1, 200), dtype=np.float32)
    tone = signals + np.float32(0.2) * np.sin(2 * np.pi * 31 * time).astype(np.float32)
    rise = (looks(tone, 100.0, noise) - looks(signals, 100.0, noise))[:, 200:].mean(axis=0)
    assert len(rise) == 26
    assert rise[15] > 5
    assert abs(np.delete(rise, [14, 15, 16])).max() < 0.5


def test_the_more_noise_the_fewer_windows_and_fresh_ones_read_the_cap(cell: Cell) -> None:
    rows = [
        cell("noise"),
        *(cell("noisy", sigma=sigma) for sigma in (1.0, 0.5, 0.2)),
        cell("fresh"),
    ]
    values = [detection_size(row, CONFIG).value for row in rows]
    assert values == sorted(values)
    largest = detection_size(rows[-1], CONFIG).parts["largest"]
    assert values[-1] > np.log2(largest) + 0.6


def test_contributions_make_the_value_and_belong_to_the_people(cell: Cell) -> None:
    comparison = cell("collapsed")
    score = detection_size(comparison, CONFIG)
    assert score.contributions is not None
    assert score.contributions.evaluate() == pytest.approx(score.value)
    assert np.isin(score.contributions.people, comparison.splits.control.patients).all()


def test_the_same_seed_gives_the_same_value(cell: Cell) -> None:
    first, second = (detection_size(cell("noisy"), CONFIG).value for _ in range(2))
    assert first == second
