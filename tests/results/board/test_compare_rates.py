"""How often comparisons and ranks err."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.results.board.compare import corrected
from ecgbench.results.board.pairs import difference, ranks
from ecgbench.results.board.uncertainty import LEVEL
from tests.results.board.samples import draws_of_people, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.uncertainty import Sample

draws = pytest.fixture(scope="module")(draws_of_people)

METRICS = 9
RUNS = 1000


def simulated(
    rng: np.random.Generator,
    draws: list[NDArray[np.float64]],
    shifts: Sequence[float],
    noise: Sequence[float],
    seeds: int,
) -> list[Sample]:
    """Rows on a metric: a mean over 20 people a fold.

    The unit is the standard deviation over people of the difference of two rows; the deviation of a
    row is 1.2.

    Args:
        rng: of people and training.
        draws: of people.
        shifts: of each row.
        noise: of training, of each row: standard deviation over seeds of the difference of two such.
        seeds: so many, half of them in each fold.
    """
    own = rng.normal(size=40) + rng.normal(scale=0.5**0.5, size=(len(shifts), 40))
    own += np.array(shifts)[:, None]
    training = rng.normal(size=(len(shifts), seeds)) * np.array(noise)[:, None] / 2**0.5
    return rows_of(own, training, draws)


def rates(
    draws: list[NDArray[np.float64]], seeds: int, noise: float, shift: float, runs: int
) -> tuple[float, float, float]:
    """False alarms and power, of comparisons by nine metrics, one with a difference; and coverage."""
    rng = np.random.default_rng(0)
    alarms = found = covered = 0
    for _ in range(runs):
        shifts = {metric: shift * (metric == 0) for metric in range(METRICS)}
        apart = {
            str(metric): difference(*simulated(rng, draws, (shifted, 0.0), (noise, noise), seeds))
            for metric, shifted in shifts.items()
        }
        p = corrected({metric: each.p for metric, each in apart.items()}, METRICS)
        better = [metric for metric, each in p.items() if each <= 1 - LEVEL]
        alarms += any(metric != "0" or not shift for metric in better)
        found += "0" in better
        for metric, each in apart.items():
            low, high = each.interval or (0, 0)
            covered += low <= shifts[int(metric)] <= high
    return alarms / runs, found / runs, covered / runs / METRICS


def at_most(rate: float, runs: int) -> float:
    """Return the largest measured rate of a true one, but for one time in 40."""
    return float(rate + 2 * np.sqrt(rate * (1 - rate) / runs))


@pytest.mark.parametrize(("seeds", "noise"), [(2, 0.0), (4, 0.5), (6, 0.2)])
def test_one_comparison_in_20_has_a_false_alarm_at_most(
    draws: list[NDArray[np.float64]], seeds: int, noise: float
) -> None:
    alarms, _, covered = rates(draws, seeds, noise, 0.0, 200)
    assert alarms < at_most(0.05, 200)
    assert covered > 0.94
    assert rates(draws, seeds, noise=0.1, shift=1.5, runs=50)[1] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "noise", "alarms", "half", "whole"),
    [
        (2, 0.0, 0.056, 0.562, 1.0),
        (2, 0.2, 0.275, 0.576, 0.99),
        (2, 0.5, 0.924, 0.568, 0.904),
        (4, 0.0, 0.046, 0.568, 1.0),
        (4, 0.2, 0.004, 0.062, 0.364),
        (4, 0.5, 0.009, 0.018, 0.076),
        (6, 0.0, 0.041, 0.616, 1.0),
        (6, 0.2, 0.019, 0.256, 0.97),
        (6, 0.5, 0.015, 0.07, 0.406),
    ],
)
def test_comparisons_err_as_often_as_the_protocol_says(
    draws: list[NDArray[np.float64]],
    seeds: int,
    noise: float,
    alarms: float,
    half: float,
    whole: float,
) -> None:
    found = [rates(draws, seeds, noise, 0.0, RUNS)[0]]
    found += [rates(draws, seeds, noise, shift, RUNS // 2)[1] for shift in (0.5, 1.0)]
    assert found == pytest.approx([alarms, half, whole], abs=0.01)


def ranked(
    draws: list[NDArray[np.float64]],
    shifts: Sequence[float],
    noise: Sequence[float],
    seeds: int,
    runs: int,
) -> NDArray[np.int64]:
    """Ranks, shape (run, row)."""
    rng = np.random.default_rng(0)
    made = (ranks(simulated(rng, draws, shifts, noise, seeds), "lower") for _ in range(runs))
    return np.array(list(made))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "noise", "alarms", "power"),
    [
        (2, 0.0, 0.036, 0.981),
        (2, 0.2, 0.123, 0.931),
        (2, 0.5, 0.399, 0.732),
        (4, 0.0, 0.033, 0.986),
        (4, 0.2, 0.035, 0.871),
        (4, 0.5, 0.023, 0.225),
        (6, 0.0, 0.048, 0.982),
        (6, 0.2, 0.049, 0.939),
        (6, 0.5, 0.026, 0.396),
    ],
)
def test_ranks_of_four_err_as_often_as_the_protocol_says(
    draws: list[NDArray[np.float64]], seeds: int, noise: float, alarms: float, power: float
) -> None:
    found = ranked(draws, (0.0, 0.0, 0.75, 1.5), [noise] * 4, seeds, RUNS)
    # two are equal; the third is worse than both
    told = (found[:, 0] != found[:, 1]).mean(), (found[:, 2] >= 3).mean()
    assert told == pytest.approx((alarms, power), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "alarms"), [(4, 0.082), (6, 0.044)])
def test_ranks_of_a_field_in_which_two_of_fifteen_train_noisily(
    draws: list[NDArray[np.float64]], seeds: int, alarms: float
) -> None:
    found = ranked(draws, [0.0] * 15, [0.7] * 2 + [0.0] * 13, seeds, RUNS // 2)
    assert (found.max(axis=1) > 1).mean() == pytest.approx(alarms, abs=0.01)
