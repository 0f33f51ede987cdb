from __future__ import annotations

import numpy as np
import pytest

from ecgbench.metrics.fidelity.overlap import fewest, overlap

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("axes", "shift"), [(1, 0.5), (2, 0.25), (3, 0.75)])
def test_squares_shifted_by_a_known_part_overlap_by_the_rest(axes: int, shift: float) -> None:
    real, synthetic = RNG.random((2, 20_000, axes))
    synthetic[:, 0] += shift
    assert overlap(real, synthetic).value == pytest.approx(1 - shift, abs=0.04)


def test_a_mixture_overlaps_by_its_share_of_real_points() -> None:
    real, synthetic = RNG.standard_normal((2, 20_000, 2))
    synthetic[: len(synthetic) // 5] += 50
    # chance is taken out as if all were alike, a little too much
    assert overlap(real, synthetic).value == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(("real", "synthetic"), [(40, 30), (40, 500), (300, 200), (5000, 4000)])
def test_points_of_one_distribution_overlap_by_one_whatever_their_number(
    real: int, synthetic: int
) -> None:
    values = [
        overlap(RNG.standard_normal((real, 3)), RNG.standard_normal((synthetic, 3))).value
        for _ in range(100)
    ]
    assert np.mean(values) == pytest.approx(1, abs=0.06)


def test_far_clouds_do_not_overlap() -> None:
    real = RNG.standard_normal((500, 2))
    # the one cell beyond the grid holds some 3% of the real points
    assert overlap(real, real + 100).value < 0.07
    assert overlap(real, 100 * RNG.standard_normal((500, 2))).value < 0.1


def test_what_each_point_brings_adds_up_to_the_value() -> None:
    found = overlap(RNG.standard_normal((500, 3)), 1 + RNG.standard_normal((300, 3)))
    assert (len(found.of_real), len(found.of_synthetic)) == (500, 300)
    assert found.of_real.mean() + found.of_synthetic.mean() == pytest.approx(found.value)


def test_equal_points_do_not_break_the_grid() -> None:
    real = np.repeat(RNG.standard_normal((3, 3)), 20, axis=0)
    assert overlap(real, real).value == pytest.approx(1, abs=0.3)
    assert overlap(real, real + 5).value < 0.1


def test_the_coarsest_grid_is_cut_in_two_along_each_axis() -> None:
    real = RNG.random((fewest(axes=3), 3))
    far = real.copy()
    far[:, 2] = real[:, 2].max() * 0.99
    assert overlap(real, far).value < 0.8
