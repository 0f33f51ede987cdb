from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench import Skip
from ecgbench.metrics.utility import PredictiveConfig
from ecgbench.metrics.utility.draw import real_like_synthetic
from ecgbench.metrics.utility.predictive import predictive

if TYPE_CHECKING:
    from ecgbench import Comparison, EcgWindows, Score
    from tests.metrics.utility.conftest import Cell

CONFIG = PredictiveConfig(steps=150, batch=32, hidden=12, test_windows=300)


def score(comparison: Comparison, config: PredictiveConfig = CONFIG) -> Score:
    return predictive(comparison, config)


@pytest.mark.parametrize("leads", [1, 2])
def test_what_follows_a_rule_is_forecast_better_than_by_its_last_value(
    cell: Cell, leads: int
) -> None:
    result = score(cell(leads=leads))
    assert result.value < result.parts["persistence"] / 2


def test_a_random_walk_cannot_be_forecast_better_than_by_its_last_value(cell: Cell) -> None:
    rng = np.random.default_rng(0)

    def walks(windows: EcgWindows) -> EcgWindows:
        steps = rng.standard_normal(windows.signals.shape)
        return replace(windows, signals=np.cumsum(steps, axis=2, dtype=np.float32))

    comparison = cell()
    splits = comparison.splits
    splits = replace(splits, train=walks(splits.train), test=walks(splits.test))
    result = score(replace(comparison, splits=splits, synthetic=walks(comparison.synthetic)))
    assert 0.98 * result.parts["persistence"] < result.value < 1.3 * result.parts["persistence"]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_worse_the_windows_the_larger_the_error(cell: Cell, seed: int) -> None:
    fresh, noisy, noise = (score(cell(row, seed=seed)) for row in ("fresh", "noisy", "noise"))
    assert fresh.value < noisy.value < noise.value
    assert noise.value > noise.parts["persistence"]
    assert fresh.value == pytest.approx(fresh.parts["real"], rel=0.2)


def test_training_on_what_the_real_part_is_trained_on_gives_the_real_part(cell: Cell) -> None:
    comparison = cell()
    drawn = real_like_synthetic(comparison.splits, comparison.seed)
    same = replace(comparison, synthetic=drawn.synthetic(drawn.signals, drawn.labels))
    result = score(same)
    assert result.value == result.parts["real"]


def test_persistence_is_the_mean_step_between_samples(cell: Cell) -> None:
    comparison = cell(leads=2)
    test = comparison.splits.test
    steps = [
        abs(float(lead[t + 1]) - float(lead[t]))
        for window in test.signals
        for lead in window
        for t in range(test.length - 1)
    ]
    result = score(comparison, PredictiveConfig(steps=1, test_windows=len(test)))
    assert result.parts["persistence"] == pytest.approx(np.mean(steps))


def test_the_error_is_in_the_unit_of_the_signals(cell: Cell) -> None:
    millivolts, tenths = score(cell()), score(cell(scale=10))
    for part in ("real", "persistence"):
        assert tenths.parts[part] == pytest.approx(10 * millivolts.parts[part], rel=0.02)
    assert tenths.value == pytest.approx(10 * millivolts.value, rel=0.02)


def test_its_contributions_are_the_mean_error_of_unseen_people(cell: Cell) -> None:
    comparison = cell("noisy")
    result = score(comparison)
    assert result.contributions is not None
    assert result.contributions.evaluate()[0] == pytest.approx(result.value)
    assert np.array_equal(result.contributions.people, np.unique(comparison.splits.test.patients))
    assert result.n == 300


def test_the_same_seed_gives_the_same_bytes_and_leaves_global_randomness_alone(
    cell: Cell,
) -> None:
    def state() -> tuple[bytes, bytes]:
        numpy_state = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002 - it is what is looked at
        return torch.get_rng_state().numpy().tobytes(), numpy_state.tobytes()

    before = state()
    assert score(cell()).value == score(cell()).value
    assert state() == before


def test_constant_windows_have_a_finite_error(cell: Cell) -> None:
    comparison = cell()
    flat = comparison.synthetic.synthetic(
        np.zeros_like(comparison.synthetic.signals), comparison.synthetic.labels
    )
    assert np.isfinite(score(replace(comparison, synthetic=flat)).value)


def test_windows_whose_memory_is_read_only_are_read(cell: Cell) -> None:
    comparison = cell()
    for windows in (comparison.synthetic, comparison.splits.train, comparison.splits.test):
        windows.signals.setflags(write=False)
    score(comparison, PredictiveConfig(steps=1))


def test_it_is_skipped_without_unseen_people(cell: Cell) -> None:
    comparison = cell()
    nobody = replace(comparison.splits, test=comparison.splits.test.take(slice(0)))
    with pytest.raises(Skip, match="no unseen people"):
        score(replace(comparison, splits=nobody))
