from __future__ import annotations

import numpy as np
import pytest

from ecgbench.metrics.fidelity.draw import stratified

LABELS = np.random.default_rng(0).choice(4, size=997, p=(0.7, 0.2, 0.09, 0.01)).astype(np.int64)


@pytest.mark.parametrize("count", [1, 10, 250, 996])
def test_every_class_gets_its_share_to_within_one_window(count: int) -> None:
    rows = stratified(LABELS, count, np.random.default_rng(1))
    assert len(np.unique(rows)) == len(rows) == count
    share = np.bincount(LABELS, minlength=4) * count / len(LABELS)
    assert np.abs(np.bincount(LABELS[rows], minlength=4) - share).max() < 1


def test_windows_of_a_class_are_equally_likely() -> None:
    rng = np.random.default_rng(2)
    times = np.zeros(40)
    labels = np.repeat([0, 1], [30, 10])
    for _ in range(4000):
        times[stratified(labels, 8, rng)] += 1
    assert times / 4000 == pytest.approx(0.2, abs=0.03)


def test_where_no_more_are_asked_for_than_there_are_all_are_drawn() -> None:
    assert stratified(LABELS, 5000, np.random.default_rng(0)).tolist() == list(range(997))
