from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.metrics.utility.draw import real_like_synthetic, spread

if TYPE_CHECKING:
    from tests.metrics.utility.conftest import Cell


def test_the_real_training_set_has_the_classes_that_every_generator_is_asked_for(
    cell: Cell,
) -> None:
    splits = cell().splits
    drawn = real_like_synthetic(splits, seed=0)
    assert np.array_equal(np.bincount(drawn.labels), np.bincount(splits.fresh.labels))
    assert drawn.indices is not None
    assert splits.train.indices is not None
    assert len(np.unique(drawn.indices)) == len(drawn)
    assert set(drawn.indices) <= set(splits.train.indices)


def test_a_class_too_rare_in_train_gives_what_there_is_of_it(cell: Cell) -> None:
    splits = cell().splits
    rare = np.flatnonzero(splits.train.labels == 2)[:2]
    train = splits.train.take(np.concatenate([np.flatnonzero(splits.train.labels != 2), rare]))
    drawn = real_like_synthetic(replace(splits, train=train), seed=0)
    assert np.bincount(drawn.labels)[2] == 2


def test_windows_are_spread_over_all_people_and_classes(cell: Cell) -> None:
    test = cell().splits.test
    some = spread(test, 100)
    assert len(some) == 100
    for person in np.unique(test.patients):
        share = np.sum(test.patients == person) / len(test)
        assert abs(np.sum(some.patients == person) - 100 * share) <= 1
    assert set(some.labels) == set(test.labels)
    assert some.indices is not None
    assert len(np.unique(some.indices)) == 100


def test_fewer_windows_than_wanted_stay_as_they_are(cell: Cell) -> None:
    test = cell().splits.test
    assert spread(test, len(test)) is test
