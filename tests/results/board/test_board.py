from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.results.board.samples import people, ranks_of, score

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.store.records import ContributionsRecord
    from tests.results.conftest import Bench


def test_ranks_count_the_significantly_better(bench: Bench) -> None:
    bench.run(
        {
            name: {"mmd": {seed: people(bench, mean, seed + shift) for seed in range(6)}}
            for name, mean, shift in (("gmm", 1.0, 0), ("kde", 1.0, 50), ("flow", 3.0, 80))
        }
    )
    board = bench.board
    assert {row.label: row.scores["mmd"].rank for row in board.rows} == {
        "gmm": 1,
        "kde": 1,
        "flow": 3,
    }
    assert ranks_of(board) == {"gmm": 1, "kde": 1, "flow": 3}
    assert [row.label for row in board.rows] == ["gmm", "kde", "flow"]


def test_a_failed_skipped_or_missing_score_ranks_behind_the_worst_value(bench: Bench) -> None:
    bench.run(
        {
            "gmm": {"mmd": {0: 5.0, 1: 5.0}},
            "best": {"mmd": {0: 0.0, 1: 0.0}},
            "half": {"mmd": {0: 0.0, 1: ("failed", "no memory")}},
            "lazy": {"mmd": {0: ("skipped", "why not"), 1: ("skipped", "why not")}},
            "late": {"mmd": {0: 0.0, 1: None}},
            "once": {"mmd": {0: 0.0}},
        }
    )
    found = {"best": 1, "once": 1, "gmm": 3, "half": 4, "lazy": 4, "late": 4}
    assert ranks_of(bench.board) == found
    assert ranks_of(bench.board, "fidelity") == found


def test_a_row_with_fewer_seeds_is_ranked_by_those_it_has_and_sets_no_boards_seeds(
    bench: Bench,
) -> None:
    for name, mean in (("gmm", 2.0), ("kde", 3.0)):
        bench.run({name: {"mmd": {seed: people(bench, mean, seed) for seed in range(4)}}})
    bench.run({"short": {"mmd": {0: people(bench, 2.0)}}})
    found = score(bench.board, "short")
    assert bench.board.seeds == (0, 1, 2, 3)
    assert (found.status, found.reason) == ("todo", "seeds 1–3: not run yet")
    assert ranks_of(bench.board) == {"gmm": 1, "short": 1, "kde": 3}


def test_a_seed_that_was_asked_for_and_has_not_ended_ranks_a_row_behind(bench: Bench) -> None:
    for name in ("gmm", "kde"):
        bench.run({name: {"mmd": dict.fromkeys(range(2), 2.0)}})
    bench.run({"lucky": {"mmd": {0: 1.0, 1: 9.0}}}, cells={("lucky", 1): None})
    bench.run({"luckier": {"mmd": {0: 1.0, 1: 9.0}}}, cells={("luckier", 1): ("failed", "no")})
    assert ranks_of(bench.board) == {"gmm": 1, "kde": 1, "lucky": 3, "luckier": 3}


@pytest.mark.parametrize("others", [1, 3])
def test_more_seeds_than_the_others_gain_nothing(bench: Bench, others: int) -> None:
    bench.run({"many": {"mmd": dict.fromkeys(range(9), 1.0)}})
    for number in range(others):
        bench.run({f"few{number}": {"mmd": {0: 1.0, 1: 1.0}}})
    assert bench.board.seeds == (0, 1)
    assert set(ranks_of(bench.board).values()) == {1}


@pytest.mark.parametrize("seeds_of", [(9, 4, 4, 4), (4, 6, 8, 10), (8, 8, 8, 4)])
def test_equal_rows_of_unlike_seeds_get_equal_ranks(
    new_bench: Callable[[str], Bench], seeds_of: tuple[int, ...]
) -> None:
    alarms, runs = 0, 40
    for run in range(runs):
        random = np.random.default_rng([17, run])
        shared = random.normal(size=(10, 20))
        bench = new_bench(f"{run}")
        for number, seeds in enumerate(seeds_of):
            training = random.normal(scale=0.2, size=seeds)
            values = {
                seed: bench.by_person(
                    dict(enumerate(shared[seed] + training[seed] + random.normal(size=20)))
                )
                for seed in range(seeds)
            }
            bench.run({f"g{number}": {"mmd": values}})
        alarms += len(set(ranks_of(bench.board).values())) > 1
    assert alarms <= 5  # of 40 at 5%, so many or fewer in 98.6% of cases


def test_a_row_on_seeds_of_its_own_changes_nothing_for_the_others(bench: Bench) -> None:
    bench.run({name: {"mmd": {0: mean, 1: mean}} for name, mean in (("gmm", 1.0), ("kde", 2.0))})
    bench.run({"mine": {"mmd": {4: 0.0}}, "kde": {"mmd": {4: 5.0}}})
    board = bench.board
    assert board.seeds == (0, 1)
    assert ranks_of(board) == {"gmm": 1, "kde": 2, "mine": 3}
    assert score(board, "kde").value == 2.0
    assert {row.label: row.left_out for row in board.rows} == {"gmm": (), "kde": (4,), "mine": (4,)}


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([{0, 1}, {0, 1}, {0}], (0, 1)),
        ([{0, 1}, {0}], (0,)),
        ([{0, 1}, {0, 2}, {1, 2}], (0,)),
        ([{0, 1, 2}, {0, 1, 3}, {0, 1, 4}, {0, 5}], (0, 1)),
        ([{0, 1}, {0, 1}, {0, 1}, {0, 1, 2, 3}], (0, 1)),
        ([{0, 1}, {0, 1, 2, 3}, {0, 1, 2, 3}], (0, 1, 2, 3)),
        ([{0}, {0}, {0}, {0, 1}], (0,)),
        ([{1}, {0}], (0,)),
    ],
)
def test_rows_are_compared_on_the_most_seeds_that_more_than_half_of_them_share(
    bench: Bench, asked: list[set[int]], chosen: tuple[int, ...]
) -> None:
    for number, seeds in enumerate(asked):
        bench.run({f"g{number}": {"mmd": dict.fromkeys(seeds, 1.0)}, "real": {"mmd": {9: 0.0}}})
    assert bench.board.seeds == chosen


def test_losing_the_last_value_of_a_metric_wins_nothing(
    bench: Bench, new_bench: Callable[[str], Bench]
) -> None:
    utility = bench.metric("tstr", family="utility")

    def overall(last: float | tuple[str, str], where: Bench) -> dict[str, int]:
        nothing = ("skipped", "no")
        where.run(
            {
                "a": {"mmd": {0: 1.0}, "late": {0: last}, "tstr": {0: 4.0}},
                "b": {"mmd": {0: 3.0}, "late": {0: nothing}, "tstr": {0: 1.0}},
                "c": {"mmd": {0: 2.0}, "late": {0: nothing}, "tstr": {0: 3.0}},
                "d": {"mmd": {0: 4.0}, "late": {0: nothing}, "tstr": {0: 2.0}},
            },
            utility,
        )
        return ranks_of(where.board)

    with_it, without = overall(1.0, bench), overall(("failed", "no memory"), new_bench("other"))
    assert all((with_it["a"] < with_it[x]) >= (without["a"] < without[x]) for x in "bcd")


def test_overall_is_over_four_families_and_not_over_costs(bench: Bench) -> None:
    families = {"fidelity": 1, "diversity": 2, "utility": 2, "privacy": 1, "cost": 2}
    bench.run(
        {
            "a": {f"of-{f}": {0: float(rank)} for f, rank in families.items()},
            "b": {f"of-{f}": {0: 3.0 - rank} for f, rank in families.items()},
        },
        *(bench.metric(f"of-{family}", family=family) for family in families),
    )
    assert {f: ranks_of(bench.board, f)["a"] for f in families} == families
    assert ranks_of(bench.board) == {"a": 1, "b": 1}


def test_families_weigh_equally_however_many_metrics_they_have(bench: Bench) -> None:
    privacy = bench.metric("mia", family="privacy")
    many = [f"m{i}" for i in range(5)]
    fidelity_first = {key: {0: 1.0} for key in many} | {"mia": {0: 2.0}}
    privacy_first = {key: {0: 2.0} for key in many} | {"mia": {0: 1.0}}
    bench.run({"a": fidelity_first, "b": privacy_first}, privacy)
    assert ranks_of(bench.board) == {"a": 1, "b": 1}


def test_a_metric_that_is_not_ranked_never_enters_a_rank(bench: Bench) -> None:
    shown = bench.metric("shown", ranked=False)
    bench.run(
        {
            "a": {"shown": {0: 9.0}, "mmd": {0: 1.0}},
            "b": {"shown": {0: 0.0}, "mmd": {0: 2.0}},
        },
        shown,
    )
    assert ranks_of(bench.board) == {"a": 1, "b": 2}
    assert score(bench.board, "a", "shown").rank is None
    assert list(bench.board.metrics) == ["mmd", "shown"]


def test_metrics_that_are_not_ranked_dilute_nothing(bench: Bench) -> None:
    shown = [bench.metric(f"shown-{i}", ranked=False) for i in range(3)]
    privacy = bench.metric("mia", family="privacy")
    extra: dict[str, dict[int, float]] = {metric.name: {0: 1.0} for metric in shown}
    bench.run(
        {
            "a": {"mmd": {0: 1.0}, "mia": {0: 2.0}} | extra,
            "b": {"mmd": {0: 2.0}, "mia": {0: 1.0}} | extra,
        },
        privacy,
        *shown,
    )
    assert ranks_of(bench.board) == {"a": 1, "b": 1}


def test_a_family_of_which_nobody_has_a_value_has_no_ranks(bench: Bench) -> None:
    privacy = bench.metric("mia", family="privacy")
    skipped = {0: ("skipped", "one patient")}
    bench.run({name: {"mmd": {0: 1.0}, "mia": skipped} for name in ("a", "b")}, privacy)
    assert ranks_of(bench.board) == {"a": 1, "b": 1}
    assert "privacy" not in bench.board.rows[0].ranks
    assert score(bench.board, "a", "mia").rank is None


def test_reference_rows_are_never_ranked_and_stand_last(bench: Bench) -> None:
    names = ("real", "gmm", "copy", "kde")
    bench.run({name: {"mmd": {0: float(place)}} for place, name in enumerate(names)})
    board = bench.board
    assert [row.label for row in board.rows] == ["gmm", "kde", "real", "copy"]
    assert ranks_of(board) == {"gmm": 1, "kde": 2}
    assert all(not row.ranks and row.scores["mmd"].rank is None for row in board.references)


# --- the null ----------------------------------------------------------------------------------

NULL = {"family": "privacy", "null": 0.5}


def shifted(bench: Bench, mean: float, seed: int) -> ContributionsRecord:
    """A mean over people who differ little."""
    own = np.random.default_rng(seed % 2).normal(scale=0.02, size=20)
    return bench.by_person(dict(enumerate((mean + own - own.mean()).tolist())))


def test_a_privacy_score_counts_as_its_excess_over_its_null(bench: Bench) -> None:
    auc = bench.metric("auc", **NULL)
    values = {
        "far-below": 0.2,
        "below": 0.498,
        "above": 0.502,
        "leak": 0.6,
        "copy": 0.9,
        "real": 0.2,
    }
    bench.run(
        {
            row: {"auc": {seed: shifted(bench, value, seed) for seed in range(6)}}
            for row, value in values.items()
        },
        auc,
    )
    board = bench.board
    found = {row.label: row.scores["auc"] for row in board.rows}
    assert {label: each.rank for label, each in found.items()} == {
        "far-below": 1,
        "below": 1,
        "above": 1,
        "leak": 4,
        "copy": None,
        "real": None,
    }
    assert {label: each.against_null for label, each in found.items()} == {
        "far-below": "better",
        "below": "equal",
        "above": "equal",
        "leak": "worse",
        "copy": "worse",
        "real": "equal",
    }
    assert found["below"].value == pytest.approx(0.498)
    (alarm,) = board.notes
    assert alarm.startswith("far-below: auc 0.2 (null 0.5): significantly better than the null. ")
    assert alarm.endswith("were they drawn from train alone?")


def test_a_metric_without_a_null_is_ranked_as_it_reads(bench: Bench) -> None:
    auc = bench.metric("auc", family="privacy")
    bench.run({row: {"auc": {0: value}} for row, value in (("a", 0.2), ("b", 0.4))}, auc)
    assert ranks_of(bench.board, "privacy") == {"a": 1, "b": 2}
    assert score(bench.board, "a", "auc").against_null is None


def test_a_value_of_some_seeds_ranks_last_and_still_raises_the_alarm(bench: Bench) -> None:
    auc = bench.metric("auc", **NULL)
    seeds: dict[int, Any] = {seed: shifted(bench, 0.1, seed) for seed in range(6)}
    bench.run(
        {
            "a": {"auc": {seed: shifted(bench, 0.5, seed) for seed in range(6)}},
            "b": {"auc": seeds | {5: ("failed", "no memory")}},
        },
        auc,
    )
    found = score(bench.board, "b", "auc")
    assert (found.status, found.rank, found.against_null) == ("failed", 2, "better")


# --- tries that have not ended ---------------------------------------------------------------------


def close_rivals(bench: Bench) -> dict[str, Any]:
    """Two whose difference is seen in one comparison, and not when it is corrected for six."""
    people = np.random.default_rng(0).normal(size=43)
    gap = np.random.default_rng(1).normal(loc=0.47, scale=1.3, size=43)
    return {
        name: {
            "mmd": {
                seed: bench.by_person({p: float(values[p]) for p in range(seed, 43, 2)})
                for seed in (0, 1)
            }
        }
        for name, values in (("near", people), ("far", people + gap))
    }


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (None, {"near": 1, "far": 2}),
        ("todo", {"near": 1, "far": 2}),
        ("failed", {"near": 1, "far": 1}),
    ],
)
def test_a_try_that_has_not_ended_counts_for_nobody_and_a_failed_one_does(
    bench: Bench, how: str | None, expected: dict[str, int]
) -> None:
    bench.run(close_rivals(bench))
    tries = ("try-a", "try-b") if how else ()
    ended = None if how == "todo" else ("failed", "no memory")
    for name in tries:
        bench.run(
            {name: {"mmd": {0: None, 1: None}}},
            cells={(name, 0): ended, (name, 1): ended},
        )
    found = {row.label: row.scores["mmd"].rank for row in bench.board.rows}
    assert found == expected | dict.fromkeys(tries, 3)


def test_a_row_that_leaves_a_seed_to_do_still_raises_its_alarm(bench: Bench) -> None:
    scores: dict[str, Any] = {
        name: {
            "auc": {
                seed: bench.by_person({p: value + p % 5 / 100 for p in range(seed, 40, 2)})
                for seed in (0, 1)
            }
        }
        for name, value in (("thief", 0.2), ("gmm", 0.48))
    }
    scores["thief"]["auc"][1] = None
    bench.run(scores, bench.metric("auc", family="privacy", null=0.5, bounds=(0.0, 1.0)))
    (thief,) = [row for row in bench.board.rows if row.label == "thief"]
    assert (thief.scores["auc"].status, thief.scores["auc"].against_null) == ("todo", "better")
