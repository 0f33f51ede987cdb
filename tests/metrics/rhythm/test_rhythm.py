from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from ecgbench import Score, Skip
from ecgbench.metrics.rhythm import RhythmConfig
from ecgbench.metrics.rhythm.agreement import features, rhythm_agreement
from ecgbench.metrics.rhythm.intervals import rr_distance
from ecgbench.metrics.rhythm.strips import strips as strips_of
from ecgbench.metrics.rhythm.variability import (
    heart_rate_distance,
    measures,
    pnn50_distance,
    rmssd_distance,
    sdnn_distance,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.metrics.rhythm.conftest import Pair, Strips

CONFIG = RhythmConfig()
DISTANCES = (heart_rate_distance, sdnn_distance, rmssd_distance, pnn50_distance, rr_distance)


def draw(
    seed: int, count: int, mean: float = 0.8, spread: float = 0.08, jitter: float = 0.02
) -> list[NDArray[Any]]:
    """Intervals of strips whose means differ by ``spread`` and whose intervals differ by ``jitter``."""
    rng = np.random.default_rng(seed)
    means = mean + spread * np.clip(rng.standard_normal(count), -2, 2)
    return [m + jitter * np.clip(rng.standard_normal(30), -2, 2) for m in means]


def ends(of: NDArray[Any]) -> NDArray[Any]:
    """Return the intervals whose peaks lie in a strip, with the last one before 9.7 s."""
    return np.asarray(of[0.4 + np.cumsum(of) < 9.7])


def test_measures_are_those_of_the_task_force() -> None:
    rr = np.array([0.8, 0.9, 0.82, 0.86, 0.85])
    found = {name: float(values[0]) for name, values in measures([rr]).items()}
    assert found["heart-rate"] == pytest.approx(60 / 0.846)
    assert found["sdnn"] == pytest.approx(1000 * np.sqrt(np.sum((rr - 0.846) ** 2) / 4))
    assert found["rmssd"] == pytest.approx(
        1000 * np.sqrt((0.1**2 + 0.08**2 + 0.04**2 + 0.01**2) / 4)
    )
    assert found["pnn50"] == pytest.approx(50)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_strip_of_few_intervals_has_no_measures(count: int) -> None:
    assert all(np.isnan(values[0]) for values in measures([np.full(count, 0.8)]).values())
    assert np.isnan(features([np.full(count, 0.8)])).all()


def test_the_intervals_of_strips_are_the_ones_made(strips: Strips, pair: Pair) -> None:
    made = draw(0, 40)
    windows = strips(made)
    real, synthetic = strips_of(pair(windows, windows), CONFIG)
    for found, rr in zip(real.intervals, made, strict=True):
        np.testing.assert_allclose(found, ends(rr), atol=0.002)
    assert len(synthetic.intervals) == 40


@pytest.mark.parametrize("metric", DISTANCES)
def test_the_same_strips_have_no_distance(
    strips: Strips, pair: Pair, metric: Callable[..., Score]
) -> None:
    windows = strips(draw(0, 40))
    assert metric(pair(windows, windows), CONFIG).value == 0


def test_the_heart_rate_distance_is_that_of_scipy(strips: Strips, pair: Pair) -> None:
    real, drawn = draw(1, 60), draw(2, 50, mean=0.76)  # none is cut off
    found = heart_rate_distance(pair(strips(real), strips(drawn)), CONFIG)
    rates = [np.array([60 / ends(rr).mean() for rr in side]) for side in (real, drawn)]
    expected = wasserstein_distance(*rates)
    assert found.parts["heart-rate"] == pytest.approx(expected, rel=0.01)
    assert found.value == pytest.approx(expected / rates[0].std(), rel=0.01)


def test_the_rr_distance_is_that_of_scipy_over_all_intervals(strips: Strips, pair: Pair) -> None:
    real, drawn = draw(1, 60), draw(2, 50, mean=0.75, jitter=0.05)
    found = rr_distance(pair(strips(real), strips(drawn)), CONFIG)
    one, other = (np.concatenate([ends(rr) for rr in side]) for side in (real, drawn))
    assert found.parts["rr"] == pytest.approx(wasserstein_distance(one, other), rel=0.02)


def test_shuffled_intervals_change_rmssd_and_nothing_that_has_no_order(
    strips: Strips, pair: Pair
) -> None:
    time = np.arange(30)
    rng = np.random.default_rng(0)
    # 14 intervals of .65 s end at 9.5 s: the same ones lie in the strip in any order
    slow = [0.65 + 0.05 * np.sin(2 * np.pi * (time[:12] / 12 + phase)) for phase in rng.random(60)]
    shuffled = [rng.permutation(rr) for rr in slow]
    compared = pair(strips(slow), strips(shuffled))
    assert rmssd_distance(compared, CONFIG).value > 2
    for metric in (sdnn_distance, rr_distance, heart_rate_distance):
        assert metric(compared, CONFIG).value < 0.1


def test_strips_without_beats_are_five_deviations_away(strips: Strips, pair: Pair) -> None:
    windows = strips(draw(0, 40))
    flat = windows.synthetic(np.zeros_like(windows.signals), windows.labels)
    for metric in DISTANCES:
        found = metric(pair(windows, flat), CONFIG)
        assert found.value == pytest.approx(5, abs=0.01)
    assert heart_rate_distance(pair(windows, flat), CONFIG).parts["measured"] == 0


@pytest.mark.parametrize("metric", [*DISTANCES, rhythm_agreement])
def test_contributions_make_the_value_and_agree_with_a_weight(
    strips: Strips, pair: Pair, metric: Callable[..., Score]
) -> None:
    labels = np.arange(80) % 2
    jitters = np.where(labels, 0.03, 0.02)
    real, drawn = (
        strips([draw(seed + i, 1, jitter=j)[0] for i, j in enumerate(jitters)], labels)
        for seed in (0, 1000)
    )
    found = metric(pair(real, drawn), CONFIG)
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)
    assert np.ptp(found.contributions.numerators, axis=0).max() > 0


def test_rhythms_that_go_with_their_labels_agree_and_others_do_not(
    strips: Strips, pair: Pair
) -> None:
    labels = np.arange(120) % 2

    def windows(seed: int, irregular: NDArray[Any]) -> Any:
        jitters = np.where(irregular, 0.12, 0.01)
        return strips([draw(seed + i, 1, jitter=j)[0] for i, j in enumerate(jitters)], labels)

    real = windows(0, labels)
    right = rhythm_agreement(pair(real, windows(1000, labels)), CONFIG)
    wrong = rhythm_agreement(pair(real, windows(1000, 1 - labels)), CONFIG)
    regular = rhythm_agreement(pair(real, windows(1000, np.zeros(120))), CONFIG)
    assert right.value > 0.95
    assert wrong.value < 0.05
    assert regular.value == pytest.approx(0.5, abs=0.05)
    assert regular.parts["agreement-regular"] > 0.9
    assert regular.parts["given-irregular"] < 0.1


def test_one_class_or_few_strips_are_skipped(strips: Strips, pair: Pair) -> None:
    windows = strips(draw(0, 40))
    with pytest.raises(Skip, match="fewer than two classes"):
        rhythm_agreement(pair(windows, windows), CONFIG)
    few = strips(draw(0, 12))
    for metric in (heart_rate_distance, sdnn_distance):
        with pytest.raises(Skip, match="no class has 20 strips"):
            metric(pair(few, few), CONFIG)


def test_a_subsample_is_measured(strips: Strips, pair: Pair) -> None:
    windows = strips(draw(0, 60))
    assert heart_rate_distance(pair(windows, windows), RhythmConfig(windows=25)).n == 50
