from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench import Config, Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.fidelity.distance import distance

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell


def flat(signals: np.ndarray) -> np.ndarray:
    return signals.reshape(len(signals), -1).astype(float)


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_mean_of_the_smallest_distances_both_ways(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads)
    control, synthetic = comparison.splits.control, comparison.synthetic
    between = cdist(flat(synthetic.signals), flat(control.signals))
    own = cdist(flat(control.signals), flat(control.signals))
    np.fill_diagonal(own, np.inf)
    found = distance(comparison, Config())
    there, back = between.min(axis=1), between.min(axis=0)
    assert found.parts["synthetic-to-control"] == pytest.approx(there.mean())
    assert found.parts["control-to-synthetic"] == pytest.approx(back.mean())
    assert found.parts["control-to-control"] == pytest.approx(own.min(axis=1).mean())
    assert found.value == pytest.approx((there.mean() + back.mean()) / 2)
    assert found.parts["ratio"] == pytest.approx(found.value / own.min(axis=1).mean())
    of_class = there[synthetic.labels == 2].mean() + back[control.labels == 2].mean()
    assert found.parts["distance-V"] == pytest.approx(of_class / 2)


def test_the_order_of_the_windows_does_not_matter(cell: Cell) -> None:
    comparison = cell("noisy")
    order = np.random.default_rng(0).permutation(len(comparison.synthetic))
    shuffled = cell("noisy", synthetic=comparison.synthetic.take(order))
    first, second = distance(comparison, Config()), distance(shuffled, Config())
    assert second.parts == pytest.approx(first.parts)


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    values = {
        row: distance(cell(row, seed=seed, leads=leads, sigma=0.3), Config()).parts["ratio"]
        for row in ("fresh", "copy", "noisy", "noise", "collapsed")
    }
    assert values["fresh"] == pytest.approx(1, abs=0.15)
    assert values["copy"] == pytest.approx(values["fresh"], rel=0.1)
    assert values["fresh"] * 1.3 < values["noisy"] < values["noise"] / 1.3
    assert values["collapsed"] > 1.5 * values["fresh"]


def test_copies_of_control_are_at_no_distance_at_all(cell: Cell) -> None:
    control = cell("fresh").splits.control
    copied = cell("fresh", synthetic=control.synthetic(control.signals, control.labels))
    assert distance(copied, Config()).value == 0


def test_its_contributions_give_back_the_value_and_name_every_person(cell: Cell) -> None:
    comparison = cell("noisy")
    found = distance(comparison, Config())
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    people = np.unique(comparison.splits.control.patients)
    assert found.contributions.people.tolist() == people.tolist()


def test_with_equal_control_windows_there_is_no_ratio(cell: Cell) -> None:
    comparison = cell("fresh")
    control = comparison.splits.control
    splits = replace(comparison.splits, control=control.take(np.zeros(30, dtype=np.int64)))
    found = distance(cell("fresh", splits=splits, once_per_seed=Once()), Config())
    assert found.value > 0
    assert "ratio" not in found.parts


def test_with_one_control_window_it_is_skipped(cell: Cell) -> None:
    comparison = cell("fresh")
    splits = replace(comparison.splits, control=comparison.splits.control.take(slice(1)))
    with pytest.raises(Skip, match="two control windows"):
        distance(cell("fresh", splits=splits), Config())
