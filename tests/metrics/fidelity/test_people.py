from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.metrics.fidelity.people import first_order, people_behind

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell

RNG = np.random.default_rng(0)
PATIENTS = RNG.integers(1, 6, size=60)
INFLUENCE = RNG.standard_normal(60)


def test_nobody_resampled_gives_the_value() -> None:
    found = first_order(0.7, (PATIENTS, INFLUENCE), (PATIENTS[:20], INFLUENCE[:20]))
    assert found.evaluate()[0] == pytest.approx(0.7)


def test_a_mean_moves_with_a_persons_weight_as_it_does_in_truth() -> None:
    found = first_order(float(INFLUENCE.mean()), (PATIENTS, INFLUENCE))
    step = 1e-6
    for person in range(5):
        weights = np.ones(5)
        weights[person] += step
        weights *= 5 / weights.sum()  # a resample has as many people as there are
        each = weights[PATIENTS - 1]
        expected = (each @ INFLUENCE / each.sum() - INFLUENCE.mean()) / step
        moved = found.evaluate(weights[None])[0] - found.evaluate()[0]
        assert moved / step == pytest.approx(expected, abs=1e-4)


def test_one_person_behind_all_synthetic_windows_leaves_every_resample_finite() -> None:
    found = first_order(3.0, (PATIENTS, INFLUENCE), (np.ones(30, dtype=np.int64), np.full(30, 2.0)))
    without = np.array([[0.0, 2.0, 1.0, 1.0, 1.0]])
    alone = first_order(3.0, (PATIENTS, INFLUENCE))
    assert found.evaluate(without) == pytest.approx(alone.evaluate(without))


def test_a_copied_window_belongs_to_the_person_it_was_copied_from(cell: Cell) -> None:
    control = cell("fresh").splits.control
    copied = cell("fresh", synthetic=control.synthetic(control.signals, control.labels))
    assert people_behind(copied).tolist() == control.patients.tolist()
