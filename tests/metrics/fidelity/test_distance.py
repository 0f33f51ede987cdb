from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from tslearn.metrics import cdist_dtw

from ecgbench import Skip
from ecgbench.harness.comparison import Once
from ecgbench.metrics.fidelity import DistanceConfig
from ecgbench.metrics.fidelity.distance import distance

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell

EVERYTHING = DistanceConfig(dtw_windows=1000, dtw_candidates=1000, band=0.06)


def flat(signals: np.ndarray) -> np.ndarray:
    return signals.reshape(len(signals), -1).astype(float)


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_mean_of_the_smallest_distances_both_ways(cell: Cell, leads: int) -> None:
    comparison = cell("noisy", leads=leads)
    control, synthetic = comparison.splits.control, comparison.synthetic
    between = cdist(flat(synthetic.signals), flat(control.signals))
    own = cdist(flat(control.signals), flat(control.signals))
    np.fill_diagonal(own, np.inf)
    found = distance(comparison, DistanceConfig(dtw_windows=5))
    there, back = between.min(axis=1), between.min(axis=0)
    assert found.parts["synthetic-to-control"] == pytest.approx(there.mean())
    assert found.parts["control-to-synthetic"] == pytest.approx(back.mean())
    assert found.parts["control-to-control"] == pytest.approx(own.min(axis=1).mean())
    assert found.value == pytest.approx((there.mean() + back.mean()) / 2)
    assert found.parts["ratio"] == pytest.approx(found.value / own.min(axis=1).mean())
    of_class = there[synthetic.labels == 2].mean() + back[control.labels == 2].mean()
    assert found.parts["distance-V"] == pytest.approx(of_class / 2)


@pytest.mark.parametrize("leads", [1, 2])
def test_its_warped_twin_is_what_tslearn_finds(cell: Cell, leads: int) -> None:
    whole = cell("noisy", leads=leads)
    comparison = cell(
        "noisy",
        leads=leads,
        synthetic=whole.synthetic.take(slice(20)),
        splits=replace(whole.splits, control=whole.splits.control.take(slice(25))),
        once_per_seed=Once(),
    )
    control, synthetic = (
        np.moveaxis(windows.signals, 1, 2).astype(float)
        for windows in (comparison.splits.control, comparison.synthetic)
    )
    band = {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": 3}
    between, own = cdist_dtw(synthetic, control, **band), cdist_dtw(control, control, **band)
    np.fill_diagonal(own, np.inf)
    parts = distance(comparison, EVERYTHING).parts
    assert parts["dtw-synthetic-to-control"] == pytest.approx(between.min(axis=1).mean())
    assert parts["dtw-control-to-synthetic"] == pytest.approx(between.min(axis=0).mean())
    assert parts["dtw-control-to-control"] == pytest.approx(own.min(axis=1).mean())
    both = (parts["dtw-synthetic-to-control"] + parts["dtw-control-to-synthetic"]) / 2
    assert parts["dtw"] == pytest.approx(both)
    assert parts["dtw-ratio"] == pytest.approx(both / parts["dtw-control-to-control"])


def test_few_candidates_give_an_upper_bound_below_the_euclidean_distance(cell: Cell) -> None:
    comparison = cell("noisy")
    exact = distance(comparison, EVERYTHING)
    bound = distance(comparison, DistanceConfig(dtw_windows=1000, dtw_candidates=3, band=0.06))
    assert exact.parts["dtw"] <= bound.parts["dtw"] < bound.value
    assert bound.parts["dtw"] == pytest.approx(exact.parts["dtw"], rel=0.05)
    assert bound.value == exact.value


def test_the_order_of_the_windows_does_not_matter(cell: Cell) -> None:
    comparison = cell("noisy")
    order = np.random.default_rng(0).permutation(len(comparison.synthetic))
    shuffled = cell("noisy", synthetic=comparison.synthetic.take(order))
    first, second = distance(comparison, EVERYTHING), distance(shuffled, EVERYTHING)
    assert second.parts == pytest.approx(first.parts)


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    config = DistanceConfig(dtw_windows=100, dtw_candidates=5)
    found = {
        row: distance(cell(row, seed=seed, leads=leads, sigma=0.3), config)
        for row in ("fresh", "copy", "noisy", "noise", "collapsed")
    }
    for name in ("ratio", "dtw-ratio"):
        values = {row: score.parts[name] for row, score in found.items()}
        assert values["fresh"] == pytest.approx(1, abs=0.15)
        assert values["copy"] == pytest.approx(values["fresh"], rel=0.1)
        assert values["fresh"] * 1.3 < values["noisy"] < values["noise"] / 1.3
        assert values["collapsed"] > 1.5 * values["fresh"]


def test_copies_of_control_are_at_no_distance_at_all(cell: Cell) -> None:
    control = cell("fresh").splits.control
    copied = cell("fresh", synthetic=control.synthetic(control.signals, control.labels))
    found = distance(copied, DistanceConfig(dtw_windows=20))
    assert (found.value, found.parts["dtw"]) == (0, 0)


def test_its_contributions_give_back_the_value_and_name_every_person(cell: Cell) -> None:
    comparison = cell("noisy")
    found = distance(comparison, DistanceConfig(dtw_windows=5))
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    people = np.unique(comparison.splits.control.patients)
    assert found.contributions.people.tolist() == people.tolist()


def test_with_one_control_window_it_is_skipped(cell: Cell) -> None:
    comparison = cell("fresh")
    splits = replace(comparison.splits, control=comparison.splits.control.take(slice(1)))
    with pytest.raises(Skip, match="two control windows"):
        distance(cell("fresh", splits=splits), DistanceConfig())
