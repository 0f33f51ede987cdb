"""Every metric of the folder: contributions, order of the controls, the same bytes twice, edges."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Skip
from ecgbench.metrics.statistics import ecgbench_metrics
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.statistics.conftest import Cell, Pair

SPECS = {spec.name: spec for spec in ecgbench_metrics()}
MOMENTS = ("skewness-difference", "kurtosis-difference")
ONE_NUMBER_OF_ALL = (*MOMENTS, "autocorrelation-difference")


def score(name: str, comparison: Comparison) -> Score:
    spec = SPECS[name]
    found: Score = spec.load()(comparison, spec.config(**spec.smoke))
    return found


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", list(SPECS))
def test_real_windows_and_copies_are_nearer_to_real_ones_than_noise(
    name: str, cell: Cell, seed: int, leads: int
) -> None:
    fresh, copy, noise = (
        score(name, cell(row, seed=seed, leads=leads)).value for row in ("fresh", "copy", "noise")
    )
    assert max(fresh, copy) < 0.5 * noise


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", [name for name in SPECS if name not in MOMENTS])
def test_more_noise_on_copies_is_worse(name: str, cell: Cell, seed: int) -> None:
    values = [
        score(name, cell("noisy", seed=seed, sigma=sigma)).value for sigma in (0, 0.2, 0.5, 1)
    ]
    assert values == sorted(values)
    assert values[-1] > 2 * values[0]


@pytest.mark.parametrize("name", [name for name in SPECS if name not in ONE_NUMBER_OF_ALL])
def test_one_window_a_class_is_worse_than_real_ones(name: str, cell: Cell) -> None:
    fresh, collapsed = (score(name, cell(row)).value for row in ("fresh", "collapsed"))
    assert collapsed > 3 * fresh


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("row", ["fresh", "noisy", "collapsed", "noise"])
@pytest.mark.parametrize("name", list(SPECS))
def test_what_people_contributed_adds_up_to_the_value_in_its_bounds(
    name: str, cell: Cell, row: Any, leads: int
) -> None:
    found = score(name, cell(row, leads=leads))
    low, high = SPECS[name].bounds
    assert low <= found.value <= high
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value, rel=1e-9)
    assert len(found.contributions.people) == 8  # the members


def weighted(
    comparison: Comparison, of_control: np.ndarray, of_synthetic: np.ndarray
) -> Comparison:
    """Each window as often as is said; whom a synthetic window is nearest to stays."""
    real, made = (np.repeat(np.arange(len(times)), times) for times in (of_control, of_synthetic))
    return dataclasses.replace(
        comparison,
        splits=dataclasses.replace(comparison.splits, control=comparison.splits.control.take(real)),
        synthetic=comparison.synthetic.take(made),
        _memo={"people behind": people_behind(comparison)[made]},
    )


@pytest.mark.parametrize("name", list(SPECS))
def test_contributions_are_the_derivative_with_respect_to_people(name: str, cell: Cell) -> None:
    comparison = cell("noisy", leads=2, sigma=0.5)
    found = score(name, comparison)
    assert found.contributions is not None
    people, times = found.contributions.people, 30
    control, behind = comparison.splits.control.patients, people_behind(comparison)
    for person in people[:2]:
        more, less = (
            weighted(
                comparison, times + way * (control == person), times + way * (behind == person)
            )
            for way in (1, -1)
        )
        expected = (score(name, more).value - score(name, less).value) * times / 2
        weights = 1 + 1e-4 * (people == person)[None]
        moved = (found.contributions.evaluate(weights)[0] - found.value) / 1e-4
        assert moved == pytest.approx(expected, rel=0.05, abs=2e-4)


@pytest.mark.parametrize("name", list(SPECS))
def test_the_same_comparison_gives_the_same_bytes(name: str, cell: Cell) -> None:
    first, second = (score(name, cell("noisy")) for _ in range(2))
    assert first.value == second.value
    assert dict(first.parts) == dict(second.parts)


@pytest.mark.parametrize("name", list(SPECS))
def test_the_order_of_the_windows_does_not_matter(name: str, cell: Cell) -> None:
    comparison = cell("noisy")
    order = np.random.default_rng(0).permutation(len(comparison.synthetic))
    turned = dataclasses.replace(comparison, synthetic=comparison.synthetic.take(order), _memo={})
    assert score(name, turned).value == pytest.approx(score(name, comparison).value, rel=1e-9)


@pytest.mark.parametrize("name", list(SPECS))
def test_equal_sets_score_nothing(name: str, pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((60, 2, 50))
    assert score(name, pair(signals, signals[::-1])).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", list(SPECS))
def test_constant_windows_and_leads_give_a_number_or_are_skipped(name: str, pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((60, 2, 50))
    still = np.zeros_like(signals)
    half = signals.copy()
    half[:, 1] = 0.5
    for control, synthetic in ((signals, still), (half, signals), (half, half), (signals, half)):
        found = score(name, pair(control, synthetic))
        assert np.isfinite([found.value, *found.parts.values()]).all()
        assert found.contributions is not None
        assert np.isfinite(found.contributions.evaluate()).all()
    try:
        found = score(name, pair(still, signals))
    except Skip:
        return
    assert np.isfinite([found.value, *found.parts.values()]).all()


@pytest.mark.parametrize("name", list(SPECS))
def test_two_windows_are_enough(name: str, pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((2, 1, 50))
    found = score(name, pair(signals, -signals))
    assert np.isfinite([found.value, *found.parts.values()]).all()
