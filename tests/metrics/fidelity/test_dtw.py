from __future__ import annotations

import numpy as np
import pytest
from tslearn.metrics import cdist_dtw

from ecgbench.metrics.fidelity.dtw import NUMBERS, dtw


def pairs(count: int, leads: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([count, leads, samples])
    first, second = rng.standard_normal((2, count, leads, samples)).cumsum(axis=3)
    return first.astype(np.float32), second.astype(np.float32)


@pytest.mark.parametrize(
    ("leads", "samples", "radius"),
    [(1, 30, 3), (1, 31, 1), (3, 30, 5), (2, 17, 100), (1, 1, 2), (1, 2, 1)],
)
def test_it_is_what_tslearn_finds(leads: int, samples: int, radius: int) -> None:
    first, second = pairs(6, leads, samples)
    expected = cdist_dtw(
        np.moveaxis(first, 1, 2),
        np.moveaxis(second, 1, 2),
        global_constraint="sakoe_chiba",
        sakoe_chiba_radius=radius,
    )
    assert dtw(first, second, radius) == pytest.approx(np.diag(expected), rel=1e-6)


def test_without_a_band_to_warp_in_it_is_the_euclidean_distance() -> None:
    first, second = pairs(5, 2, 40)
    expected = np.linalg.norm((first - second).reshape(5, -1), axis=1)
    assert dtw(first, second, 0) == pytest.approx(expected)


def test_a_shift_within_the_band_costs_nothing_but_the_ends() -> None:
    pulse = np.zeros((1, 1, 50), dtype=np.float32)
    pulse[0, 0, 20:25] = 1
    later = np.roll(pulse, 6, axis=2)
    assert dtw(pulse, later, 6)[0] == 0
    assert dtw(pulse, later, 2)[0] > 1


def test_blocks_of_pairs_do_not_change_anything() -> None:
    first, second = pairs(NUMBERS // 8 + 3, 1, 8)
    together = dtw(first, second, 2)
    apart = np.concatenate([dtw(first[:7], second[:7], 2), dtw(first[7:], second[7:], 2)])
    assert together.tolist() == apart.tolist()
    assert dtw(first[:0], second[:0], 2).shape == (0,)
