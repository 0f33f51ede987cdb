from __future__ import annotations

import numpy as np
import pytest

from ecgbench.harness.data.same import TOLERANCE, is_flat, same_windows


def brute_force(left: np.ndarray, right: np.ndarray, tolerance: float) -> list[int]:
    found = []
    for window in left:
        near = (np.abs(right - window) <= tolerance).all(axis=(1, 2))
        found.append(int(near.argmax()) if near.any() else -1)
    return found


@pytest.mark.parametrize("shape", [(1, 40), (2, 7), (1, 1)])
def test_windows_that_are_equal_within_the_tolerance_are_found(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    right = rng.standard_normal((400, *shape)).astype(np.float32)
    left = rng.standard_normal((60, *shape)).astype(np.float32)
    left[::3] = right[rng.integers(400, size=20)]
    left[::6] += rng.uniform(-9e-4, 9e-4, left[::6].shape).astype(np.float32)
    left[3] += np.float32(3 * TOLERANCE)
    found = same_windows(left, right)
    assert found.tolist() == brute_force(left, right, TOLERANCE)
    assert (found >= 0).sum() >= 19


def test_one_sample_that_differs_makes_another_window() -> None:
    right = np.random.default_rng(1).standard_normal((50, 1, 30)).astype(np.float32)
    left = right.copy()
    left[:, 0, 17] += 2 * TOLERANCE
    assert (same_windows(left, right) == -1).all()


def test_the_first_of_twins_is_named_and_nothing_is_found_among_none() -> None:
    right = np.zeros((3, 1, 4), dtype=np.float32)
    assert same_windows(right[:2], right).tolist() == [0, 0]
    assert same_windows(right[:2], right[:0]).tolist() == [-1, -1]
    assert same_windows(right[:0], right).tolist() == []


def test_a_window_is_flat_if_each_lead_holds_one_value() -> None:
    windows = np.zeros((3, 2, 5), dtype=np.float32)
    windows[:, 1] = 3
    windows[1, 1, 2] = 3.1
    assert is_flat(windows).tolist() == [True, False, True]
