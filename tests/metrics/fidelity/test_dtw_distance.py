from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tslearn.metrics import cdist_dtw

from ecgbench import Config, Skip
from ecgbench.contracts.comparison import Once
from ecgbench.metrics.fidelity import DtwConfig
from ecgbench.metrics.fidelity.distance import distance
from ecgbench.metrics.fidelity.dtw_distance import dtw_distance
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell

EVERYTHING = DtwConfig(windows=1000, candidates=1000, band=0.06)
QUICK = DtwConfig(windows=100, candidates=5)


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_what_tslearn_finds(cell: Cell, leads: int) -> None:
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
    there, back = between.min(axis=1).mean(), between.min(axis=0).mean()
    found = dtw_distance(comparison, EVERYTHING)
    assert found.value == pytest.approx((there + back) / 2)
    assert found.parts["synthetic-to-control"] == pytest.approx(there)
    assert found.parts["control-to-synthetic"] == pytest.approx(back)
    assert found.parts["control-to-control"] == pytest.approx(own.min(axis=1).mean())
    assert found.parts["ratio"] == pytest.approx(found.value / own.min(axis=1).mean())


def test_few_candidates_give_an_upper_bound_below_the_euclidean_distance(cell: Cell) -> None:
    comparison = cell("noisy")
    exact = dtw_distance(comparison, EVERYTHING)
    bound = dtw_distance(comparison, DtwConfig(windows=1000, candidates=3, band=0.06))
    assert exact.value <= bound.value < distance(comparison, Config()).value
    assert bound.value == pytest.approx(exact.value, rel=0.05)


def test_without_a_band_it_is_the_euclidean_distance(cell: Cell) -> None:
    comparison = cell("noisy")
    found = dtw_distance(comparison, DtwConfig(windows=1000, candidates=1, band=0))
    euclidean = distance(comparison, Config())
    assert found.value == pytest.approx(euclidean.value)
    for name in ("synthetic-to-control", "control-to-synthetic", "control-to-control", "ratio"):
        assert found.parts[name] == pytest.approx(euclidean.parts[name])
    assert found.contributions is not None
    assert euclidean.contributions is not None
    weights = np.arange(12.0)[None]
    expected = euclidean.contributions.evaluate(weights)
    assert found.contributions.evaluate(weights) == pytest.approx(expected)


def test_windows_that_come_late_are_nearer_than_without_warping(cell: Cell) -> None:
    fresh = cell("fresh")
    late = np.roll(fresh.synthetic.signals, 2, axis=2)
    comparison = cell("fresh", synthetic=fresh.synthetic.synthetic(late, fresh.synthetic.labels))
    on_time, shifted = (dtw_distance(each, EVERYTHING).value for each in (fresh, comparison))
    apart, further = (distance(each, Config()).value for each in (fresh, comparison))
    assert shifted / on_time < 0.7 * further / apart


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_orders_generators_of_known_quality(cell: Cell, seed: int, leads: int) -> None:
    values = {
        row: dtw_distance(cell(row, seed=seed, leads=leads, sigma=0.3), QUICK).parts["ratio"]
        for row in ("fresh", "copy", "noisy", "noise", "collapsed")
    }
    assert values["fresh"] == pytest.approx(1, abs=0.15)
    assert values["copy"] == pytest.approx(values["fresh"], rel=0.1)
    assert values["fresh"] * 1.3 < values["noisy"] < values["noise"] / 1.3
    assert values["collapsed"] > 1.5 * values["fresh"]


def test_copies_of_control_are_at_no_distance_at_all(cell: Cell) -> None:
    control = cell("fresh").splits.control
    copied = cell("fresh", synthetic=control.synthetic(control.signals, control.labels))
    assert dtw_distance(copied, QUICK).value == 0


def test_its_contributions_give_back_the_value(cell: Cell) -> None:
    comparison = cell("noisy")
    found = dtw_distance(comparison, QUICK)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    assert set(found.contributions.people) <= set(people_behind(comparison)) | set(
        comparison.splits.control.patients
    )
    assert found.n == 200


def test_with_one_control_window_it_is_skipped(cell: Cell) -> None:
    comparison = cell("fresh")
    splits = replace(comparison.splits, control=comparison.splits.control.take(slice(1)))
    with pytest.raises(Skip, match="two control windows"):
        dtw_distance(cell("fresh", splits=splits), DtwConfig())
