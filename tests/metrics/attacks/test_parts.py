from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.attacks.parts import parts_of_train

if TYPE_CHECKING:
    from tests.metrics.privacy.conftest import Cell


def test_parts_are_disjoint_of_controls_size_and_stratified(cell: Cell) -> None:
    comparison = cell(copies=0)
    train, control = comparison.splits.train, comparison.splits.control
    parts = [part.splits.control for part in parts_of_train(comparison)]
    assert len(parts) == len(train) // len(control) == 2
    assert all(len(part) == len(control) for part in parts)
    everyone = np.concatenate([part.indices for part in parts if part.indices is not None])
    assert len(np.unique(everyone)) == len(everyone)
    assert train.indices is not None
    assert np.isin(everyone, train.indices).all()
    for part in parts:
        for patient in np.unique(train.patients):
            for label in (0, 1):
                of_train, of_part = (
                    np.sum((windows.patients == patient) & (windows.labels == label))
                    for windows in (train, part)
                )
                assert abs(of_part - of_train * len(part) / len(train)) < 1


def test_a_train_smaller_than_control_is_one_part(cell: Cell) -> None:
    comparison = cell(copies=0)
    few = comparison.splits.train.take(slice(0, 50))
    small = replace(comparison, splits=replace(comparison.splits, train=few), _memo={})
    [part] = parts_of_train(small)
    assert np.array_equal(np.sort(part.splits.control.signals), np.sort(few.signals))


def test_fewer_than_three_windows_are_too_few(cell: Cell) -> None:
    comparison = cell(copies=0)
    few = replace(comparison.splits, control=comparison.splits.control.take(slice(0, 2)))
    with pytest.raises(Skip, match="2 control windows"):
        parts_of_train(replace(comparison, splits=few, _memo={}))
