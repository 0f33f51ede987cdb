from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.results.board.null import alarms, excess
from ecgbench.results.board.pairs import difference, ranks
from ecgbench.results.board.uncertainty import Sample
from tests.results.board.samples import drawn, draws_of_people, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SEEDS = (0, 1, 2, 3)


def alone(*values: float) -> Sample:
    """Values of seeds, without people."""
    return Sample(seeds=tuple(range(len(values))), values=np.array(values))


def counted(samples: Sequence[Sample | None], null: float = 0.5) -> list[float | None]:
    """The counted values; less is better."""
    return [None if s is None else s.value for s in excess(samples, null, "lower")]


# --- counted values --------------------------------------------------------------------------


def test_the_t_test_of_a_value_against_its_null_by_hand() -> None:
    # two-sided p = .05 at t = 2.0195 with 43 - 2 degrees of freedom
    assert counted([drawn(0.5 + 2.03, 1.0)]) == [2.53]
    assert counted([drawn(0.5 + 2.01, 1.0)]) == [0.5]
    # of three rows one has to have p < .05 / 3: t = 2.49
    at_null = drawn(0.5, 1.0)
    assert counted([drawn(0.5 + 2.48, 1.0), at_null, at_null]) == [0.5] * 3
    assert counted([drawn(0.5 + 2.52, 1.0), at_null, at_null]) == [3.02, 0.5, 0.5]
    # a metric without a value counts in the correction
    assert counted([drawn(0.5 + 2.48, 1.0), None, None]) == [0.5, None, None]


def test_nothing_is_better_than_the_null_however_surely_it_is() -> None:
    samples = [drawn(0.2, 0.001), drawn(0.5, 0.01), drawn(0.9, 0.001)]
    assert counted(samples) == [0.5, 0.5, 0.9]
    assert ranks(samples, "lower") == [1, 2, 3]
    assert ranks(excess(samples, 0.5, "lower"), "lower") == [1, 1, 3]
    assert ranks(excess(samples, 0.5, "higher"), "higher") == [3, 1, 1]


def test_noise_about_the_null_decides_no_rank() -> None:
    samples = [drawn(value, 0.005) for value in (0.507, 0.509, 0.494)]
    assert ranks(excess(samples, 0.5, "lower"), "lower") == [1, 1, 1]


def test_rows_that_count_as_the_null_do_not_differ_at_all() -> None:
    first, second, leak = excess(
        [drawn(0.499, 0.1), drawn(0.51, 0.01), drawn(0.9, 0.01)], 0.5, "lower"
    )
    assert first is not None
    assert second is not None
    assert leak is not None
    assert difference(first, second).p == 1.0
    # a row without them is compared like an exactly known value
    found = difference(leak, first)
    assert found.value == pytest.approx(0.4)
    assert found.interval == pytest.approx((0.4 - 0.0202, 0.4 + 0.0202), abs=1e-4)


def test_seeds_tell_where_there_are_no_people() -> None:
    steady, wild = alone(0.60, 0.61, 0.61, 0.60), alone(0.3, 0.4, 0.9, 0.8)
    assert counted([steady, wild]) == [pytest.approx(0.605), 0.5]
    assert ranks(excess([steady, wild], 0.5, "lower"), "lower") == [2, 1]


def test_where_nothing_is_known_of_the_error_the_value_decides_but_not_below_the_null() -> None:
    samples = [alone(value, value) for value in (0.1, 0.4, 0.5, 0.51, 0.6)]
    assert counted(samples) == [0.5, 0.5, 0.5, 0.51, 0.6]
    assert ranks(excess(samples, 0.5, "lower"), "lower") == [1, 1, 1, 4, 5]


def test_a_row_without_people_beside_rows_with_people_is_judged_by_what_is_known_of_it() -> None:
    assert counted([drawn(0.51, 0.1), alone(0.51, 0.51)]) == [0.5, 0.51]


def test_rows_without_any_value_stay_without() -> None:
    assert excess([None, None], 0.5, "lower") == [None, None]
    assert excess([], 0.5, "lower") == []


# --- alarms ------------------------------------------------------------------------------------


def test_an_alarm_is_a_value_that_is_significantly_better_than_its_null() -> None:
    samples = {
        ("a", "auc"): drawn(0.2, 0.01),
        ("b", "auc"): drawn(0.49, 0.01),
        ("c", "auc"): drawn(0.9, 0.01),
        ("a", "authentic"): drawn(-0.9, 0.01),
        ("b", "authentic"): drawn(0.9, 0.01),
    }
    metrics = {"auc": (0.5, "lower"), "authentic": (0.0, "higher")}
    assert alarms(samples, metrics, 3) == {("a", "auc"), ("b", "authentic")}  # type: ignore[arg-type]


def test_alarms_are_corrected_for_all_rows_and_metrics() -> None:
    # p = .05 / 4 at t = 2.61 with 41 degrees of freedom, and seeds do not differ
    sample = drawn(0.5 - 2.65, 1.0, SEEDS)
    pair = {"x": (0.5, "lower"), "y": (0.5, "lower")}
    assert alarms({("a", "x"): sample}, pair, 2) == {("a", "x")}  # type: ignore[arg-type]
    assert alarms({("a", "x"): sample}, pair, 3) == set()  # type: ignore[arg-type]


def test_with_one_seed_a_fold_an_alarm_must_be_three_times_as_far() -> None:
    # p = .05 at t = 2.0195 with 41 degrees of freedom
    for distance, seeds, raised in ((2.05, SEEDS, True), (6.0, (0, 1), False), (6.1, (0, 1), True)):
        of = {("a", "x"): drawn(0.5 - distance, 1.0, seeds)}
        assert bool(alarms(of, {"x": (0.5, "lower")}, 1)) is raised


def test_without_an_error_there_is_no_alarm() -> None:
    assert alarms({("a", "x"): alone(0.1, 0.1)}, {"x": (0.5, "lower")}, 1) == set()
    assert alarms({}, {}, 0) == set()


# --- how often these err -----------------------------------------------------------------------


draws = pytest.fixture(scope="module")(draws_of_people)


def simulated(
    rng: np.random.Generator,
    draws: list[NDArray[np.float64]],
    shifts: Sequence[float],
    noise: float,
    seeds: int,
) -> list[Sample]:
    """Rows on a metric of null 0: a mean over 20 people a fold.

    The unit is the standard deviation over people; a third of this variance is common to all
    rows. ``noise`` is the deviation over seeds.
    """
    own = np.sqrt(1 / 3) * rng.normal(size=40)
    own = own + np.sqrt(2 / 3) * rng.normal(size=(len(shifts), 40)) + np.array(shifts)[:, None]
    training = noise * rng.normal(size=(len(shifts), seeds))
    return rows_of(own, training, draws)


def rates(
    draws: list[NDArray[np.float64]], rows: int, seeds: int, noise: float, leak: float, runs: int
) -> tuple[float, float, float]:
    """How often rows at the null get unlike ranks, the last is behind all, and there is an alarm."""
    rng = np.random.default_rng(0)
    wrong = behind = raised = 0
    for _ in range(runs):
        samples = simulated(rng, draws, [0.0] * (rows - 1) + [leak], noise, seeds)
        found = ranks(excess(samples, 0.0, "lower"), "lower")
        wrong += max(found[:-1] if leak else found) > 1
        behind += found[-1] == rows
        named = {(str(row), "auc"): sample for row, sample in enumerate(samples)}
        raised += bool(alarms(named, {"auc": (0.0, "lower")}, rows))
    return wrong / runs, behind / runs, raised / runs


@pytest.mark.parametrize(("seeds", "noise"), [(2, 0.0), (4, 0.3), (6, 0.1)])
def test_eight_rows_at_the_null_share_a_rank_on_19_boards_of_20_and_a_leak_is_found(
    draws: list[NDArray[np.float64]], seeds: int, noise: float
) -> None:
    most = 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)
    wrong, _, raised = rates(draws, 8, seeds, noise, 0.0, 100)
    assert wrong < most
    assert raised < most
    wrong, behind, _ = rates(draws, 8, seeds, noise, 1.2, 40)
    assert wrong < most
    assert behind > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "noise", "unlike", "raised", "found"),
    [
        (2, 0.0, 0.012, 0.0, 0.918),
        (2, 0.3, 0.192, 0.0, 0.628),
        (4, 0.1, 0.006, 0.004, 0.902),
        (4, 0.3, 0.010, 0.006, 0.588),
        (6, 0.1, 0.006, 0.010, 0.904),
        (6, 0.3, 0.022, 0.002, 0.712),
    ],
)
def test_scores_of_privacy_err_as_often_as_the_protocol_says(
    draws: list[NDArray[np.float64]],
    seeds: int,
    noise: float,
    unlike: float,
    raised: float,
    found: float,
) -> None:
    wrong, _, alarm = rates(draws, 8, seeds, noise, 0.0, 500)
    _, behind, _ = rates(draws, 8, seeds, noise, 0.8, 500)
    assert (wrong, alarm, behind) == pytest.approx((unlike, raised, found), abs=0.01)
