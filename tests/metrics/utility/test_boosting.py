from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.metrics.utility import BoostingConfig
from ecgbench.metrics.utility.boosting import Boosting, cross_classification_boosting

if TYPE_CHECKING:
    from tests.metrics.utility.conftest import Cell

QUICK = BoostingConfig(iterations=20, components=8)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_worse_the_windows_the_worse_what_is_learnt_from_them(cell: Cell, seed: int) -> None:
    values = {
        row: cross_classification_boosting(cell(row, seed=seed), QUICK).value
        for row in ("fresh", "noisy", "shuffled", "noise")
    }
    assert values["fresh"] > 0.9
    assert values["fresh"] >= values["noisy"] > values["noise"]
    assert max(values["shuffled"], values["noise"]) < 0.7


def test_a_restored_model_is_the_same(cell: Cell) -> None:
    splits = cell().splits
    model = Boosting(3, QUICK, seed=0).fit(splits.train.signals, splits.train.labels)
    restored = Boosting(3, QUICK, seed=0).restore(model.state())
    found = model.probabilities(splits.test.signals)
    assert np.array_equal(restored.probabilities(splits.test.signals), found)
    assert found.sum(axis=1) == pytest.approx(1)


def test_a_class_that_was_not_there_is_never_said(cell: Cell) -> None:
    splits = cell().splits
    train = splits.train.take(splits.train.labels != 1)
    model = Boosting(3, QUICK, seed=0).fit(train.signals, train.labels)
    assert not model.probabilities(splits.test.signals)[:, 1].any()
