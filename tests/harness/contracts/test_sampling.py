from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import exchangeable_parts, known_labels, stratified

if TYPE_CHECKING:
    from ecgbench import EcgWindows

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


def test_labels_that_train_lacks_become_others_at_their_frequency(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = np.repeat([0, 2, 3], [10, 4000, 1000])
    trained = np.repeat([0, 1], [30, 10])
    with caplog.at_level(logging.WARNING):
        known = known_labels(asked, trained, ("N", "S", "V", "F"), np.random.default_rng(0))
    assert not known[:10].any()
    assert np.isin(known, trained).all()
    assert known[10:].mean() == pytest.approx(0.25, abs=0.03)
    assert caplog.messages == [
        "train has no window of class V, class F: the 5000 asked for are of any class"
    ]


def test_labels_that_train_has_stay_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    asked = np.array([1, 0, 1])
    with caplog.at_level(logging.WARNING):
        known = known_labels(asked, np.array([0, 1]), ("N", "S"), np.random.default_rng(0))
    assert known.tolist() == asked.tolist()
    assert caplog.messages == []


@pytest.fixture
def windows(make_windows: Any) -> EcgWindows:
    rng = np.random.default_rng(3)
    found: EcgWindows = make_windows(
        rng.integers(1, 13, size=719), rng.choice(2, 719, p=(0.7, 0.3))
    )
    return found


@pytest.mark.parametrize("size", [1, 7, 143, 300, 1000])
def test_the_parts_are_disjoint_equally_large_and_stratified(
    windows: EcgWindows, size: int
) -> None:
    part = exchangeable_parts(windows, size, np.random.default_rng(0))
    count = max(1, len(windows) // size)
    assert set(part) - {-1} == set(range(count))
    for k in range(count):
        inside = part == k
        assert inside.sum() == min(size, len(windows))
        for stratum in {(p, c) for p, c in zip(windows.patients, windows.labels, strict=True)}:
            rows = (windows.patients == stratum[0]) & (windows.labels == stratum[1])
            share = min(1, size / len(windows)) * rows.sum()
            assert abs((inside & rows).sum() - share) < 1.001


def test_a_window_is_equally_likely_to_be_in_any_part_or_left_over(make_windows: Any) -> None:
    rng = np.random.default_rng(4)
    windows = make_windows(np.repeat([1, 2], [9, 5]))
    parts = np.array([exchangeable_parts(windows, 4, rng) for _ in range(4000)])
    for part, expected in {0: 4 / 14, 1: 4 / 14, 2: 4 / 14, -1: 2 / 14}.items():
        assert (parts == part).mean(axis=0) == pytest.approx(expected, abs=0.03)
