"""Which cells make a board, and which rows and columns it has."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.results.board.board import boards
from ecgbench.results.board.catalogue import NOT_INSTALLED
from ecgbench.results.board.plans import groups
from tests.results.board.samples import ranks_of, score
from tests.results.conftest import installed

if TYPE_CHECKING:
    from tests.results.conftest import Bench


def test_runs_of_one_study_and_its_settings_make_one_board(bench: Bench) -> None:
    bench.run({"timegan": {"mmd": {0: 1.0, 1: 1.0}}})
    bench.run({"gmm": {"mmd": {0: 2.0, 1: 2.0}}})
    assert {row.label for row in bench.board.rows} == {"timegan", "gmm"}
    assert ranks_of(bench.board) == {"timegan": 1, "gmm": 2}


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
    assert ranks_of(bench.board) == {"gmm v2": 1, "gmm v1": 2}


def test_two_settings_of_a_generator_are_two_rows(bench: Bench) -> None:
    for size in (1, 2):
        changed = {"components": size} if size > 1 else {}
        gmm = bench.generator(settings={"components": size, "prior": 10.0}, changed=changed)
        bench.run({"gmm": {"mmd": {0: float(size)}}}, gmm)
    assert ranks_of(bench.board) == {"gmm": 1, "gmm:components=2": 2}


def test_settings_that_a_label_cannot_hold_are_digits_of_the_key(bench: Bench) -> None:
    for words in ("long " * 20, "longer " * 20, "believed"):
        settings = {"words": words}
        changed = {"words": "believed"} if words != "longer " * 20 else settings
        bench.run({"gmm": {"mmd": {0: 1.0}}}, bench.generator(settings=settings, changed=changed))
    labels = sorted(row.label for row in bench.board.rows)
    assert labels[:2] == ["gmm", "gmm v1 " + labels[1][7:]]
    assert labels[2] == "gmm:words=believed"


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
    assert ranks_of(board) == {"a": 1, "b": 2}


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
    assert ranks_of(board) == {"a": 1, "b": 2}


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
