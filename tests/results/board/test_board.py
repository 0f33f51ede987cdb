from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.results.board.board import boards
from ecgbench.results.board.catalogue import NOT_INSTALLED
from ecgbench.results.board.notes import MAX_NOTES, seed_list
from ecgbench.results.board.plans import groups
from ecgbench.results.render import FORMATS, render, write_boards
from tests.results.conftest import installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board, BoardScore
    from ecgbench.results.store.records import ContributionsRecord
    from tests.results.conftest import Bench


def people(bench: Bench, mean: float, seed: int = 0, count: int = 20) -> ContributionsRecord:
    """A mean over people that are the same whatever the mean is."""
    own = np.random.default_rng(0).normal(size=2 * count)
    noise = np.random.default_rng([1, seed]).normal(scale=0.01, size=2 * count)
    members = range(seed % 2, 2 * count, 2)
    return bench.by_person({person: mean + own[person] + noise[person] for person in members})


def score(board: Board, row: str, metric: str = "mmd") -> BoardScore:
    (found,) = [each for each in board.rows if each.label == row]
    return found.scores[metric]


def ranks(board: Board, family: str = "overall") -> dict[str, int]:
    return {row.label: row.ranks[family] for row in board.competitors}


# --- scores ------------------------------------------------------------------------------------


def test_a_score_is_the_mean_over_seeds_with_its_interval_over_people(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {seed: people(bench, 2.0 + seed % 2, seed) for seed in range(4)}}})
    found = score(bench.board, "gmm")
    assert found.status == "ok"
    assert found.seeds == (0, 1, 2, 3)
    assert found.n == 100
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high
    assert found.spread == pytest.approx(0.003, abs=0.003)
    assert bench.board.people == 40


def test_an_interval_stays_within_the_metrics_bounds(bench: Bench) -> None:
    auc = bench.metric("auc", bounds=(0.0, 1.0))
    values = {person: 3.0 if person % 2 else -2.0 for person in range(20)}
    bench.run({"gmm": {"auc": {0: bench.by_person(values)}}}, auc)
    found = score(bench.board, "gmm", "auc")
    assert (found.low, found.high) == (0.0, 1.0)


def test_values_without_contributions_have_no_interval(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0, 1: 3.0}}})
    found = score(bench.board, "gmm")
    assert (found.value, found.low, found.high, found.spread) == (2.0, None, None, None)


def test_what_went_wrong_stays_in_the_table_with_its_reason(bench: Bench) -> None:
    bench.run(
        {
            "gmm": {"mmd": {0: 1.0, 1: ("failed", "no memory")}, "auc": {0: 0.5, 1: 0.5}},
            "timegan": {"mmd": {0: 1.0, 1: 1.0}, "auc": {0: 0.5, 1: 0.5}},
            "kde": {
                "mmd": {0: ("skipped", "one lead"), 1: ("skipped", "one lead")},
                "auc": {0: 1.0},
            },
            "flow": {"mmd": {0: 1.0, 1: None}, "auc": {0: 0.5, 1: 0.5}},
            "vae": {"mmd": {0: 1.0, 1: 1.0}, "auc": {0: 0.5, 1: 0.5}},
        },
        cells={("timegan", 1): ("failed", "loss is NaN"), ("vae", 0): None},
    )
    board = bench.board
    found = {row.label: (row.scores["mmd"].status, row.scores["mmd"].reason) for row in board.rows}
    assert found == {
        "gmm": ("failed", "seed 1: no memory"),
        "timegan": ("failed", "seed 1: loss is NaN"),
        "kde": ("skipped", "one lead"),
        "flow": ("todo", "seed 1: not scored yet"),
        "vae": ("todo", "seed 0: not run yet"),
    }
    assert score(board, "gmm").seeds == (0,)
    assert score(board, "gmm").value == 1.0
    assert score(board, "kde").value is None
    assert score(board, "gmm", "auc").status == "ok"


def test_one_reason_of_several_seeds_is_said_once(bench: Bench) -> None:
    failed = ("failed", "no memory")
    bench.run({"gmm": {"mmd": {0: failed, 1: 1.0, 2: failed, 3: ("failed", "killed")}}})
    assert score(bench.board, "gmm").reason == "seeds 0, 2: no memory; seed 3: killed"


def test_an_ok_score_without_a_number_has_failed(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: float("nan"), 1: 1.0}}, "kde": {"mmd": {0: 2.0, 1: 2.0}}})
    assert score(bench.board, "gmm").status == "failed"
    assert score(bench.board, "gmm").reason == "seed 0: its record holds no number"
    assert ranks(bench.board) == {"kde": 1, "gmm": 2}


def change(bench: Bench, metric: str, seed: int, **fields: Any) -> None:
    """Change the score of the only row on a seed."""
    (cell,) = [name for name in bench.store.cell_names() if f"/seed-{seed}-" in name]
    (record,) = [each for each in bench.store.scores(cell) if each.metric.name == metric]
    bench.store.write_score(msgspec.structs.replace(record, **fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"offset": 8.0}, "its contributions make 9, its value is 1"),
        ({"people": [2**70, 2, 4]}, "its contributions cannot be read"),
        ({"people": [4, 2, 0]}, "the people of its contributions are not in ascending order"),
        ({"numerators": [[1.0]]}, "its contributions have shapes"),
    ],
)
def test_contributions_that_do_not_make_their_value_cost_the_interval_and_are_told(
    bench: Bench, fields: dict[str, Any], reason: str
) -> None:
    sound = people(bench, 1.0)
    bench.run({"gmm": {"mmd": {0: bench.by_person({0: 1.0, 2: 1.0, 4: 1.0})}, "auc": {0: sound}}})
    alone = score(bench.board, "gmm", "auc")
    odd = msgspec.structs.replace(bench.by_person({0: 1.0, 2: 1.0, 4: 1.0}), **fields)
    change(bench, "mmd", 0, contributions=odd)
    found = score(bench.board, "gmm")
    assert (found.status, found.value, found.low) == ("ok", 1.0, None)
    (note,) = bench.board.notes
    assert note.startswith(f"gmm, mmd (seed 0): {reason}")
    assert note.endswith(", so there is no interval")
    assert score(bench.board, "gmm", "auc").low == alone.low
    assert bench.board.people == 20


@pytest.mark.parametrize("part", ["cell.json", "scores/*.json"])
def test_a_record_that_was_edited_is_shown_as_damaged_and_its_number_is_not(
    bench: Bench, part: str
) -> None:
    plan = bench.run({"gmm": {"mmd": {0: 0.5}}, "kde": {"mmd": {0: 0.25}}})
    (file,) = bench.store.folder(plan.cells[0].name).glob(part)
    file.write_bytes(file.read_bytes().replace(b'"ok"', b'"OK"'))
    found = score(bench.board, "gmm")
    assert (found.status, found.value) == ("todo", None)
    assert "damaged; ecgbench run makes it again" in found.reason
    assert score(bench.board, "kde").value == 0.25


# --- ranks -------------------------------------------------------------------------------------


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
    assert ranks(board) == {"gmm": 1, "kde": 1, "flow": 3}
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
    assert ranks(bench.board) == found
    assert ranks(bench.board, "fidelity") == found


def test_a_row_with_fewer_seeds_is_ranked_by_those_it_has_and_sets_no_boards_seeds(
    bench: Bench,
) -> None:
    for name, mean in (("gmm", 2.0), ("kde", 3.0)):
        bench.run({name: {"mmd": {seed: people(bench, mean, seed) for seed in range(4)}}})
    bench.run({"short": {"mmd": {0: people(bench, 2.0)}}})
    found = score(bench.board, "short")
    assert bench.board.seeds == (0, 1, 2, 3)
    assert (found.status, found.reason) == ("todo", "seeds 1–3: not run yet")
    assert ranks(bench.board) == {"gmm": 1, "short": 1, "kde": 3}


def test_a_seed_that_was_asked_for_and_has_not_ended_ranks_a_row_behind(bench: Bench) -> None:
    for name in ("gmm", "kde"):
        bench.run({name: {"mmd": dict.fromkeys(range(2), 2.0)}})
    bench.run({"lucky": {"mmd": {0: 1.0, 1: 9.0}}}, cells={("lucky", 1): None})
    bench.run({"luckier": {"mmd": {0: 1.0, 1: 9.0}}}, cells={("luckier", 1): ("failed", "no")})
    assert ranks(bench.board) == {"gmm": 1, "kde": 1, "lucky": 3, "luckier": 3}


@pytest.mark.parametrize("others", [1, 3])
def test_more_seeds_than_the_others_gain_nothing(bench: Bench, others: int) -> None:
    bench.run({"many": {"mmd": dict.fromkeys(range(9), 1.0)}})
    for number in range(others):
        bench.run({f"few{number}": {"mmd": {0: 1.0, 1: 1.0}}})
    assert bench.board.seeds == (0, 1)
    assert set(ranks(bench.board).values()) == {1}


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
        alarms += len(set(ranks(bench.board).values())) > 1
    assert alarms <= 5  # of 40 at 5%, so many or fewer in 98.6% of cases


def test_a_row_on_seeds_of_its_own_changes_nothing_for_the_others(bench: Bench) -> None:
    bench.run({name: {"mmd": {0: mean, 1: mean}} for name, mean in (("gmm", 1.0), ("kde", 2.0))})
    bench.run({"mine": {"mmd": {4: 0.0}}, "kde": {"mmd": {4: 5.0}}})
    board = bench.board
    assert board.seeds == (0, 1)
    assert ranks(board) == {"gmm": 1, "kde": 2, "mine": 3}
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
        return ranks(where.board)

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
    assert {f: ranks(bench.board, f)["a"] for f in families} == families
    assert ranks(bench.board) == {"a": 1, "b": 1}


def test_families_weigh_equally_however_many_metrics_they_have(bench: Bench) -> None:
    privacy = bench.metric("mia", family="privacy")
    many = [f"m{i}" for i in range(5)]
    fidelity_first = {key: {0: 1.0} for key in many} | {"mia": {0: 2.0}}
    privacy_first = {key: {0: 2.0} for key in many} | {"mia": {0: 1.0}}
    bench.run({"a": fidelity_first, "b": privacy_first}, privacy)
    assert ranks(bench.board) == {"a": 1, "b": 1}


def test_a_metric_that_is_not_ranked_never_enters_a_rank(bench: Bench) -> None:
    shown = bench.metric("shown", ranked=False)
    bench.run(
        {
            "a": {"shown": {0: 9.0}, "mmd": {0: 1.0}},
            "b": {"shown": {0: 0.0}, "mmd": {0: 2.0}},
        },
        shown,
    )
    assert ranks(bench.board) == {"a": 1, "b": 2}
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
    assert ranks(bench.board) == {"a": 1, "b": 1}


def test_a_family_of_which_nobody_has_a_value_has_no_ranks(bench: Bench) -> None:
    privacy = bench.metric("mia", family="privacy")
    skipped = {0: ("skipped", "one patient")}
    bench.run({name: {"mmd": {0: 1.0}, "mia": skipped} for name in ("a", "b")}, privacy)
    assert ranks(bench.board) == {"a": 1, "b": 1}
    assert "privacy" not in bench.board.rows[0].ranks
    assert score(bench.board, "a", "mia").rank is None


def test_reference_rows_are_never_ranked_and_stand_last(bench: Bench) -> None:
    names = ("real", "gmm", "copy", "kde")
    bench.run({name: {"mmd": {0: float(place)}} for place, name in enumerate(names)})
    board = bench.board
    assert [row.label for row in board.rows] == ["gmm", "kde", "real", "copy"]
    assert ranks(board) == {"gmm": 1, "kde": 2}
    assert all(not row.ranks and row.scores["mmd"].rank is None for row in board.references)


# --- which cells make a board ------------------------------------------------------------------


def test_runs_of_one_study_and_its_settings_make_one_board(bench: Bench) -> None:
    bench.run({"timegan": {"mmd": {0: 1.0, 1: 1.0}}})
    bench.run({"gmm": {"mmd": {0: 2.0, 1: 2.0}}})
    assert {row.label for row in bench.board.rows} == {"timegan", "gmm"}
    assert ranks(bench.board) == {"timegan": 1, "gmm": 2}


def test_unlike_studies_settings_datasets_and_data_are_never_mixed(bench: Bench) -> None:
    row = {"gmm": {"mmd": {0: 1.0}}}
    bench.run(row)
    bench.run(row, study="standard")
    bench.run(row, settings={"windows": 1000})
    bench.run(row, bench.dataset("ecgsyn"))
    bench.run(row, bench.dataset(digest="another"))
    bench.run(row, bench.dataset(settings={"leads": ["V1"]}))
    bench.run(row, bench.dataset(windows=1000))
    bench.run(row)
    assert len(bench.boards) == 7
    assert [board.dataset.name for board in bench.boards] == ["ecgsyn"] + ["mitdb"] * 6
    assert {len(board.rows) for board in bench.boards} == {1}


def test_the_fullest_run_says_in_which_order_metrics_and_references_come(bench: Bench) -> None:
    for study in "abcdefgh":
        bench.run({"gmm": {"auc": {0: 1.0}}, "copy": {"auc": {0: 1.0}}}, study=study)
        row = {"mmd": {0: 1.0}, "auc": {0: 1.0}}
        bench.run({"real": row, "copy": row, "gmm": row}, study=study)
    for board in bench.boards:
        assert list(board.metrics) == ["mmd", "auc"]
        assert [row.label for row in board.rows] == ["gmm", "real", "copy"]


def test_boards_can_be_chosen_by_dataset_and_study(bench: Bench) -> None:
    row = {"gmm": {"mmd": {0: 1.0}}}
    bench.run(row)
    bench.run(row, study="standard")
    bench.run(row, bench.dataset("ecgsyn"))
    assert [
        b.dataset.name
        for b in boards(bench.store, bench.catalogue, groups(bench.store, dataset="ecgsyn"))
    ] == ["ecgsyn"]
    found = boards(bench.store, bench.catalogue, groups(bench.store, study="quick"))
    assert [(b.dataset.name, b.study) for b in found] == [("ecgsyn", "quick"), ("mitdb", "quick")]


def test_two_versions_of_a_generator_are_two_rows(bench: Bench) -> None:
    for version, value in ((1, 2.0), (2, 1.0)):
        bench.run({"gmm": {"mmd": {0: value}}}, bench.generator(version=version))
    assert ranks(bench.board) == {"gmm v2": 1, "gmm v1": 2}


def test_two_settings_of_a_generator_are_two_rows(bench: Bench) -> None:
    for size in (1, 2):
        gmm = bench.generator(settings={"components": size})
        bench.run({"gmm": {"mmd": {0: float(size)}}}, gmm)
    labels = [row.label for row in bench.board.rows]
    assert len(set(labels)) == 2
    assert all(label.startswith("gmm v1 ") for label in labels)


def test_of_two_versions_of_a_metric_the_installed_is_ranked_and_both_are_shown(
    bench: Bench,
) -> None:
    older, newer = bench.metric(version=1), bench.metric(version=999)
    bench.run({"a": {"mmd": {0: 1.0}}, "b": {"mmd": {0: 2.0}}}, older)
    bench.run({"a": {"mmd": {0: 2.0}}, "b": {"mmd": {0: 1.0}}}, newer)
    (board,) = boards(bench.store, installed([older]))
    assert {label: (m.family, m.ranked) for label, m in board.metrics.items()} == {
        "mmd v1": ("fidelity", True),
        "mmd v999": (NOT_INSTALLED, False),
    }
    assert ranks(board) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "claims",
    [
        {"better": "higher"},
        {"family": "cost"},
        {"family": "zzz"},
        {"ranked": False},
        {"bounds": (0.0, 0.0)},
        {"null": 1.5},
        {"needs_both_folds": True},
    ],
)
def test_what_a_plan_says_of_a_metric_counts_for_nothing(
    bench: Bench, claims: dict[str, Any]
) -> None:
    true = bench.metric()
    bench.run({"a": {"mmd": {0: 1.0}}, "b": {"mmd": {0: 2.0}}}, bench.metric(**claims))
    (board,) = boards(bench.store, installed([true]))
    assert board.metrics == {"mmd": true}
    assert ranks(board) == {"a": 1, "b": 2}


def test_a_metric_that_is_not_installed_is_shown_apart_and_never_ranked(bench: Bench) -> None:
    mine = bench.metric("mine", family="privacy", null=0.5, bounds=(0.0, 1.0))
    bench.run({"a": {"mine": {0: 7.0}}, "b": {"mine": {0: 8.0}}}, mine)
    (board,) = boards(bench.store, installed([]))
    (found,) = board.metrics.values()
    assert (found.family, found.ranked, found.bounds, found.null) == (
        NOT_INSTALLED,
        False,
        (None, None),
        None,
    )
    assert score(board, "a", "mine").value == 7.0
    assert all(row.ranks == {} for row in board.rows)


def test_a_row_is_a_reference_row_if_the_catalogue_says_so(bench: Bench) -> None:
    rival = bench.generator("rival", reference=True)
    real = bench.generator("real", reference=False)
    scores = {name: {"mmd": {0: 1.0}} for name in ("rival", "real", "unknown")}
    bench.run(scores, rival, real, bench.generator("unknown", reference=True))
    known = dataclasses.replace(bench.catalogue, references={"rival": False, "real": True})
    (board,) = boards(bench.store, known)
    assert {row.label for row in board.competitors} == {"rival"}
    assert {row.label for row in board.references} == {"real", "unknown"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.7e308, "its value, 1.7e+308, is beyond 1e+100"),
        (9.5, "its value, 9.5, is out of the metric's bounds"),
    ],
)
def test_a_value_that_cannot_be_is_a_failure(bench: Bench, value: float, reason: str) -> None:
    scores = {"a": {"mmd": {0: value, 1: 1.0}}, "b": {"mmd": {0: 2.0, 1: 2.0}}}
    bench.run(scores, bench.metric(bounds=(0.0, 9.0) if value < 10 else (None, None)))
    found = score(bench.board, "a")
    assert (found.status, found.reason) == ("failed", f"seed 0: {reason}")
    assert ranks(bench.board) == {"b": 1, "a": 2}


def test_the_submissions_of_one_model_for_several_seeds_are_one_row(bench: Bench) -> None:
    for seed, windows in ((1, "bb"), (0, "aa")):
        model = bench.generator("mine", settings={"windows": windows}, submitted=True)
        bench.run({"mine": {"mmd": {seed: 1.0 + seed}}}, model)
    (row,) = bench.board.rows
    assert row.label == "mine"
    assert row.generator.settings == {"windows": ["aa", "bb"]}
    assert row.scores["mmd"].seeds == (0, 1)
    assert row.scores["mmd"].value == 1.5


def test_two_submissions_for_one_seed_are_two_rows(bench: Bench) -> None:
    for seed, windows in ((0, "aa"), (0, "bb"), (1, "cc")):
        model = bench.generator("mine", settings={"windows": windows}, submitted=True)
        bench.run({"mine": {"mmd": {seed: 1.0}}}, model)
    assert len(bench.board.rows) == 3
    assert bench.board.seeds == (0,)
    assert [row.scores["mmd"].status for row in bench.board.rows] == ["ok", "ok", "todo"]


def test_a_store_without_plans_or_rows_has_no_boards(bench: Bench) -> None:
    assert bench.boards == []
    bench.run({})
    assert bench.boards == []


# --- what a board is written as ----------------------------------------------------------------


def test_the_same_runs_in_another_order_give_the_same_bytes(
    new_bench: Callable[[str], Bench],
) -> None:
    def runs(bench: Bench) -> list[Callable[[], object]]:
        references = {
            name: {"mmd": {s: people(bench, 1.0, s) for s in (0, 1)}} for name in ("real", "copy")
        }
        return [
            lambda: bench.run(references | {"gmm": {"mmd": {0: people(bench, 2.0), 1: 2.5}}}),
            lambda: bench.run(
                references
                | {"kde": {"auc": {0: 1.0}, "mmd": {s: people(bench, 3.0, s) for s in (0, 1)}}}
            ),
        ]

    first, second = new_bench("first"), new_bench("second")
    for run in runs(first):
        run()
    for run in reversed(runs(second)):
        run()
    for form in FORMATS:
        assert render(first.boards, form) == render(second.boards, form)


def test_every_format_is_written_for_every_dataset(bench: Bench) -> None:
    for name in ("mitdb", "ecgsyn"):
        for study in ("quick", "standard"):
            bench.run({"gmm": {"mmd": {0: 1.0}}}, bench.dataset(name), study=study)
    paths = write_boards(bench.boards, bench.store)
    assert [p.relative_to(bench.store.path).as_posix() for p in paths] == [
        f"board/{name}.{suffix}"
        for name in ("ecgsyn", "mitdb")
        for suffix in ("md", "csv", "json", "tex")
    ]
    written = json.loads(paths[-2].read_text())
    assert [board["study"] for board in written["boards"]] == ["quick", "standard"]


def test_runs_of_seeds_are_said_briefly() -> None:
    assert seed_list([4, 0, 2, 1, 7, 8]) == "seeds 0–2, 4, 7, 8"


# --- metrics that need both folds --------------------------------------------------------------


def test_a_metric_that_needs_both_folds_says_nothing_of_one(bench: Bench) -> None:
    auc = bench.metric("auc", family="privacy", needs_both_folds=True)
    bench.run({"gmm": {"auc": {0: 0.4, 2: 0.4}}, "kde": {"auc": {0: 0.4, 2: 0.5}}}, auc)
    found = score(bench.board, "gmm", "auc")
    assert (found.status, found.value, found.rank) == ("skipped", None, None)
    assert found.reason == "it needs both folds: seeds 0 and 1, or more"


def test_a_metric_that_needs_both_folds_shows_their_mean_and_p(bench: Bench) -> None:
    auc = bench.metric("auc", family="privacy", needs_both_folds=True)
    bench.run({"gmm": {"auc": {0: 0.4, 1: 0.6}}, "kde": {"auc": {0: 0.4, 1: 0.8}}}, auc)
    found = score(bench.board, "gmm", "auc")
    assert (found.status, found.p) == ("ok", None)
    assert found.value == pytest.approx(0.5)


def test_contributions_with_too_few_terms_for_p_are_told(bench: Bench) -> None:
    auc = bench.metric("auc", family="privacy", needs_both_folds=True)
    bench.run({"gmm": {"auc": {0: people(bench, 0.5, 0), 1: people(bench, 0.5, 1)}}}, auc)
    found = score(bench.board, "gmm", "auc")
    assert found.p is None
    assert found.low is not None
    assert bench.board.notes == [
        "gmm, auc (seeds 0, 1): no p: its contributions have 1 term, the metric's spec names 3"
    ]


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
    assert ranks(bench.board, "privacy") == {"a": 1, "b": 2}
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


# --- notes -------------------------------------------------------------------------------------


def test_notes_of_cells_and_scores_are_told_once_with_row_metric_and_seeds(bench: Bench) -> None:
    plan = bench.run({"gmm": {"mmd": {0: 1.0, 1: 1.0, 2: 1.0}, "auc": {0: 1.0, 1: 1.0, 2: 1.0}}})
    for cell in plan.cells:
        record = bench.store.cell(cell.name)
        assert record is not None
        notes = ["all samples lie in [0, 1]"] if cell.seed < 2 else []
        bench.store.write_cell(msgspec.structs.replace(record, notes=notes))
    change(bench, "auc", 2, notes=["it gave up early", "it gave up early", "it is tired"])
    assert bench.board.notes == [
        "gmm (seeds 0, 1): all samples lie in [0, 1]",
        "gmm, auc (seed 2): it gave up early",
        "gmm, auc (seed 2): it is tired",
    ]
    assert score(bench.board, "gmm", "auc").notes == (
        "(seed 2): it gave up early",
        "(seed 2): it is tired",
    )


def test_notes_of_what_failed_are_told(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: ("failed", "no memory")}}})
    change(bench, "mmd", 0, notes=["it was slow"])
    assert bench.board.notes == ["gmm, mmd (seed 0): it was slow"]


def test_so_many_notes_are_told_and_the_others_are_counted(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}, "auc": {0: 1.0}}})
    for metric in ("mmd", "auc"):
        change(bench, metric, 0, notes=[f"note {i}" for i in range(1000)])
    assert len(bench.board.notes) == MAX_NOTES + 1
    assert bench.board.notes[-1] == f"{2 * (MAX_NOTES + 1) - MAX_NOTES} more notes are in the store"
    assert score(bench.board, "gmm").notes[-1] == f"{1000 - MAX_NOTES} more notes are in the store"


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
