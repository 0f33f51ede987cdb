from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.results.board.samples import change, people, ranks_of, score

if TYPE_CHECKING:
    from tests.results.conftest import Bench


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
    assert ranks_of(bench.board) == {"kde": 1, "gmm": 2}


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
    assert ranks_of(bench.board) == {"b": 1, "a": 2}


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
