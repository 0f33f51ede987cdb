from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from ecgbench.contracts.errors import UsageError
from ecgbench.results.board.critical import (
    Critical,
    critical,
    critical_difference,
    friedman,
    groups,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.results.conftest import Bench, Outcome


def run(
    bench: Bench, values: Mapping[str, float], datasets: int, first: int = 0, study: str = "quick"
) -> None:
    """Runs of these rows on so many datasets; on each, less is better."""
    for number in range(first, first + datasets):
        scores = {name: {"mmd": {0: value}} for name, value in values.items()}
        bench.run(scores, bench.dataset(f"d{number}"), study=study)


def only(bench: Bench) -> Critical:
    (found,) = critical(bench.boards)
    return found


# --- the tests ---------------------------------------------------------------------------------


def test_critical_values_are_those_of_demsars_table() -> None:
    table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for competitors, q in enumerate(table, start=2):
        scale = np.sqrt(competitors * (competitors + 1) / (6 * 14))
        assert critical_difference(competitors, 14) == pytest.approx(q * scale, abs=1.5e-3)


def test_demsars_example() -> None:
    # section 3.2.2: four classifiers on 14 data sets, the ranks of the AUC
    means = np.array([3.143, 2.000, 2.893, 1.964])
    chi2 = 12 * 14 / (4 * 5) * ((means**2).sum() - 4 * 5**2 / 4)
    assert chi2 == pytest.approx(9.28, abs=0.02)
    assert 13 * chi2 / (14 * 3 - chi2) == pytest.approx(3.69, abs=0.01)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize("ties", [False, True])
def test_friedman_is_that_of_scipy_as_corrected_by_iman_and_davenport(ties: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, 5)) + 0.5 * np.arange(5)
    ranks = stats.rankdata(np.round(values) if ties else values, axis=1)
    chi2 = stats.friedmanchisquare(*ranks.T).statistic
    statistic, p = friedman(ranks)
    assert statistic == pytest.approx(11 * chi2 / (12 * 4 - chi2))
    assert p == pytest.approx(stats.f.sf(statistic, 4, 44))


def test_friedman_of_ranks_that_are_always_the_same_and_of_ties_only() -> None:
    assert friedman(np.tile([1.0, 2.0, 3.0], (10, 1))) == (np.inf, 0.0)
    assert friedman(np.full((10, 3), 2.0)) == (0.0, 1.0)


def test_groups_are_as_large_as_can_be_and_none_is_part_of_another() -> None:
    assert groups({"a": 1.0, "b": 1.0, "c": 1.5}, 1.0) == (("a", "b", "c"),)
    assert groups({"a": 1.0, "b": 2.0}, 1.0) == (("a",), ("b",))
    chain = {"a": 1.0, "b": 1.6, "c": 2.2, "d": 2.8}
    assert groups(chain, 1.0) == (("a", "b"), ("b", "c"), ("c", "d"))


# --- boards ------------------------------------------------------------------------------------


def test_competitors_are_told_apart_over_ten_datasets(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "real": 0.0}, 10)
    found = only(bench)
    assert found.ranks == {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert (found.study, len(found.datasets), found.p) == ("quick", 10, 0.0)
    assert found.difference == pytest.approx(2.569 * np.sqrt(20 / 60), abs=1e-3)
    assert found.groups == (("a", "b"), ("b", "c"), ("c", "d"))
    assert (found.left_out, found.other_datasets) == ((), ())


def test_ranks_are_averaged_and_ties_share_theirs(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 1.0, "c": 3.0}, 6)
    run(bench, {"a": 3.0, "b": 2.0, "c": 1.0}, 4, first=6)
    found = only(bench)
    assert found.ranks == pytest.approx({"a": 2.1, "b": 1.7, "c": 2.2})
    assert list(found.ranks) == ["b", "a", "c"]
    assert found.p > 0.05
    assert found.groups == (("b", "a", "c"),)


def test_who_failed_is_last_on_that_dataset(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0, "c": 3.0}, 9)
    lost: dict[str, Outcome] = {"a": ("failed", "no memory"), "b": 2.0, "c": 3.0}
    bench.run({k: {"mmd": {0: v}} for k, v in lost.items()}, bench.dataset("d9"))
    assert only(bench).ranks == pytest.approx({"a": 1.2, "b": 1.9, "c": 2.9})


def test_what_is_not_on_all_boards_is_left_out_and_named(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0, "c": 3.0}, 8)
    run(bench, {"b": 2.0, "a": 1.0, "d": 0.5}, 4, first=8)
    run(bench, {"a": 1.0, "e": 2.0}, 1, first=12)
    found = only(bench)
    assert found.ranks == {"a": 1.0, "b": 2.0}
    assert len(found.datasets) == 12
    assert found.left_out == ("c", "d", "e")
    assert found.other_datasets == ("d12",)


def test_other_data_of_a_dataset_are_no_other_dataset(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0}, 9)
    bench.run(
        {"a": {"mmd": {0: 1.0}}, "b": {"mmd": {0: 2.0}}}, bench.dataset("d0", digest="f" * 16)
    )
    with pytest.raises(UsageError, match="study quick has 9 datasets"):
        critical(bench.boards)


def test_submitted_windows_are_of_one_generator_on_all_datasets(bench: Bench) -> None:
    for number in range(10):
        theirs = bench.generator("theirs", submitted=True, settings={"windows": f"{number:016}"})
        scores = {"theirs": {"mmd": {0: 1.0}}, "gmm": {"mmd": {0: 2.0}}}
        bench.run(scores, theirs, bench.dataset(f"d{number}"))
    assert only(bench).ranks == {"theirs": 1.0, "gmm": 2.0}


def test_with_fewer_than_ten_datasets_there_is_none(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0}, 9)
    run(bench, {"a": 1.0}, 3, first=9)
    run(bench, {"a": 1.0, "b": 2.0}, 1, study="standard")
    with pytest.raises(UsageError) as caught:
        critical(bench.boards)
    assert "needs 10 datasets or more" in str(caught.value)
    assert "study quick has 9 datasets with ranks; study standard has 1 dataset" in str(
        caught.value
    )


def test_ten_datasets_without_the_same_competitors_are_not_enough(bench: Bench) -> None:
    run(bench, {"a": 1.0, "b": 2.0}, 6)
    run(bench, {"c": 1.0, "d": 2.0}, 5, first=6)
    with pytest.raises(UsageError, match="11 datasets with ranks, 6 of them with the same"):
        critical(bench.boards)


def test_each_study_has_its_own(bench: Bench) -> None:
    for study in ("quick", "standard"):
        run(bench, {"a": 1.0, "b": 2.0}, 10, study=study)
    run(bench, {"a": 1.0, "b": 2.0}, 2, study="short")
    assert [found.study for found in critical(bench.boards)] == ["quick", "standard"]


# --- how often it errs -------------------------------------------------------------------------

RUNS = 4000


def rates(worse: float, datasets: int) -> tuple[float, float, float]:
    """How often any two of equal competitors are told apart, a worse one from one of them, from all.

    There are five, of which the last is worse.  The unit is the standard deviation over datasets of the
    difference of two.
    """
    rng = np.random.default_rng(0)
    shifts = np.array([0.0, 0.0, 0.0, 0.0, worse])
    equal = shifts[:, None] == shifts
    difference = critical_difference(5, datasets)
    alarms = from_one = from_all = 0
    for _ in range(RUNS):
        values = rng.normal(scale=0.5**0.5, size=(datasets, 5)) + shifts
        ranks = stats.rankdata(values, axis=1)
        if friedman(ranks)[1] > 0.05:
            continue
        means = ranks.mean(axis=0)
        apart = means[:, None] - means >= difference
        alarms += bool((apart & equal).any())
        from_one += bool(apart[-1, 0])
        from_all += bool(apart[-1, :-1].all())
    return alarms / RUNS, from_one / RUNS, from_all / RUNS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worse", "datasets", "alarms", "from_one", "from_all"),
    [
        (0.0, 12, 0.031, 0.002, 0.0),
        (1.0, 12, 0.009, 0.449, 0.098),
        (1.5, 12, 0.004, 0.813, 0.492),
        (2.0, 12, 0.004, 0.944, 0.815),
        (1.0, 20, 0.012, 0.803, 0.516),
    ],
)
def test_it_errs_as_often_as_the_protocol_says(
    worse: float, datasets: int, alarms: float, from_one: float, from_all: float
) -> None:
    wanted = pytest.approx((alarms, from_one, from_all), abs=0.01)
    assert rates(worse, datasets) == wanted
