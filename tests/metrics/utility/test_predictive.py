from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
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


def test_in_the_range_of_each_lead_in_train_the_error_has_no_unit(cell: Cell) -> None:
    config = msgspec.structs.replace(CONFIG, scaling="unit")
    plain, larger = score(cell(), config), score(cell(scale=10), config)
    assert larger.value == pytest.approx(plain.value, rel=0.02)
    assert larger.parts == pytest.approx(plain.parts, rel=0.02)
    signals = cell().splits.train.signals
    in_millivolts = score(cell()).parts["persistence"]
    assert plain.parts["persistence"] * float(np.ptp(signals)) == pytest.approx(in_millivolts)


def test_no_forecast_leaves_the_range_of_each_lead_in_train(cell: Cell) -> None:
    comparison = cell()
    splits, test = comparison.splits, comparison.splits.test
    high = replace(test, signals=test.signals + 4 * np.ptp(splits.train.signals))
    config = msgspec.structs.replace(CONFIG, scaling="unit")
    result = score(replace(comparison, splits=replace(splits, test=high)), config)
    assert result.value > 3


def test_the_last_lead_is_forecast_from_the_others(cell: Cell) -> None:
    comparison = cell(leads=2)
    rng = np.random.default_rng(5)

    def changed(windows: EcgWindows, follows: bool) -> EcgWindows:  # the first lead, a step late
        signals = windows.signals.copy()
        late = np.roll(signals[:, 0], 1, axis=1)
        constant = np.repeat(rng.choice([-1, 1], (len(signals), 1)), signals.shape[2], axis=1)
        signals[:, 1] = late if follows else constant
        return replace(windows, signals=signals)

    def error(target: str, follows: bool) -> float:
        splits = comparison.splits
        splits = replace(
            splits, train=changed(splits.train, follows), test=changed(splits.test, follows)
        )
        made = changed(comparison.synthetic, follows)
        config = msgspec.structs.replace(CONFIG, target=target)
        return score(replace(comparison, splits=splits, synthetic=made), config).value

    assert error("last-lead", follows=True) < 0.2
    assert error("last-lead", follows=False) > 0.8  # its own past would tell it
    assert error("all-leads", follows=False) < 0.3


def test_one_lead_is_forecast_from_itself(cell: Cell) -> None:
    found = [
        score(cell(), msgspec.structs.replace(CONFIG, target=target))
        for target in ("all-leads", "last-lead")
    ]
    assert found[0].value == found[1].value


def test_persistence_is_that_of_the_leads_that_are_forecast(cell: Cell) -> None:
    comparison = cell(leads=2)
    test = comparison.splits.test
    config = PredictiveConfig(steps=1, target="last-lead", test_windows=len(test))
    found = score(comparison, config).parts["persistence"]
    assert found == pytest.approx(np.abs(np.diff(test.signals[:, 1])).mean(), rel=1e-5)


def test_repeats_are_averaged(cell: Cell) -> None:
    one, two, three = (
        score(cell("noisy"), msgspec.structs.replace(CONFIG, steps=20, repeats=repeats))
        for repeats in (1, 2, 3)
    )
    second, third = 2 * two.value - one.value, 3 * three.value - 2 * two.value
    assert len({round(error, 6) for error in (one.value, second, third)}) == 3
    assert (second, third) == pytest.approx((one.value, one.value), rel=0.5)
    assert three.parts["real"] != one.parts["real"]
    assert three.contributions is not None
    assert three.contributions.evaluate()[0] == pytest.approx(three.value)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_the_learning_rate_stays_or_rises_to_its_peak_and_falls(
    cell: Cell, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam) -> None:
        rates.append(self.param_groups[0]["lr"])
        step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    config = PredictiveConfig(steps=20, learning_rate=0.01, schedule=schedule)  # type: ignore[arg-type]
    score(cell(), config)
    rates = rates[:20]  # then those of the part `real`
    if schedule == "constant":
        assert rates == [0.01] * 20
    else:
        assert 0 < rates.index(max(rates)) < 19
        assert max(rates) == pytest.approx(0.01, rel=0.1)
        assert max(rates[0], rates[-1]) < 0.001


def test_networks_are_trained_on_one_thread_however_many_there_are(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam) -> None:
        threads.append(torch.get_num_threads())
        step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        score(cell(), PredictiveConfig(steps=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


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
        numpy_state = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002 - the global state, to stay
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
