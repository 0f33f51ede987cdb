from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.plain import plain
from ecgbench.results.board.table import BoardScore
from ecgbench.results.render import text

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board
    from tests.results.conftest import Bench


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1236, "0.124"),
        (0.001236, "0.00124"),
        (12.36, "12.4"),
        (999.9, "1000"),
        (1234567.8, "1234568"),
        (-0.5, "-0.500"),
        (-1e-300, "-1.0e-300"),
        (0.0, "0"),
        (0.9996, "1.00"),
        (None, "–"),
    ],
)
def test_numbers_have_three_digits_and_rarely_exponents(value: float | None, shown: str) -> None:
    assert text.number(value) == shown


def test_an_interval_ends_at_the_digit_where_its_largest_number_does(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}}})
    score = BoardScore(status="ok", value=0.0123, low=-0.0004, high=0.5678)
    assert text.value(score) == "0.012"
    assert text.beside(score, bench.board) == "[0.000, 0.568]"


@pytest.mark.parametrize(
    "harm", ["\x1b[31m", "\x07", "\r\n", "\t", "\x9b", "\u202e", "\u2028", "\0"]
)
def test_plain_text_has_no_control_characters(harm: str) -> None:
    assert plain(f"a{harm}b").isprintable()
    assert plain(f"a{harm}b").startswith("a")


def test_a_board_says_its_dataset_study_seeds_people_data_and_settings(bench: Bench) -> None:
    people = bench.by_person({person: float(person) for person in range(43)})
    settings = {"metric.mmd.windows": 9, "smoke": True, "windows": 1000}
    gmm = bench.generator(settings={"components": 4}, changed={"components": 4})
    bench.run({"gmm": {"mmd": {0: people, 2: people}}}, gmm, study="mine", settings=settings)
    board = bench.board
    assert text.title(board) == "mitdb · study mine"
    assert text.facts(board) == "seeds 0, 2 · 43 people · data 01234567"
    assert text.settings(board) == (
        "a subsample of 1000 windows, smoke settings of every plugin, metric.mmd.windows = 9, "
        "gmm (components = 4)"
    )


def test_defaults_need_no_settings(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}}})
    assert text.settings(bench.board) == ""


def test_what_is_skipped_in_every_row_is_named_in_a_note_only(bench: Bench) -> None:
    skipped = {0: ("skipped", "one class")}
    bench.run(
        {
            name: {"mmd": {0: 1.0}, "score": skipped, "tstr": skipped, "trts": skipped}
            for name in ("gmm", "kde")
        },
        bench.metric("tstr", family="utility"),
        bench.metric("trts", family="utility"),
    )
    board = bench.board
    assert text.families(board) == ["fidelity"]
    assert list(text.of_family(board, "fidelity")) == ["mmd"]
    assert "skipped: score, tstr, trts (all rows): one class" in text.notes(board)


def test_what_failed_or_is_to_do_in_every_row_keeps_its_table(bench: Bench) -> None:
    bench.run(
        {name: {"mmd": {0: ("failed", "no memory")}, "auc": {0: None}} for name in ("a", "b")}
    )
    assert list(text.of_family(bench.board, "fidelity")) == ["mmd", "auc"]


def test_every_gap_is_named_with_its_rows_and_reason(bench: Bench) -> None:
    bench.run(
        {
            "gmm": {"mmd": {0: ("failed", "no\nmemory"), 1: 1.0}, "auc": {0: 0.5, 1: 0.5}},
            "kde": {"mmd": {0: 1.0, 1: 1.0}, "auc": {0: 0.5, 1: 0.5}},
            "vae": {"mmd": {0: 1.0}, "auc": {0: 0.5}},
        },
        cells={("kde", 0): ("failed", "NaN"), ("kde", 1): ("failed", "NaN")},
    )
    notes = text.notes(bench.board)
    assert "failed: mmd (gmm): seed 0: no memory" in notes
    assert "failed: every metric (kde): NaN" in notes
    assert "todo: every metric (vae): seed 1: not run yet" in notes
    assert text.beside(bench.board.rows[0].scores["mmd"], bench.board) == "(1 of 2 seeds)"


def test_seeds_that_are_left_out_are_named(bench: Bench) -> None:
    for name in ("a", "b", "d"):
        bench.run({name: {"mmd": {0: 1.0, 1: 1.0}}})
    bench.run({"c": {"mmd": dict.fromkeys(range(6), 1.0)}})
    assert any(note.startswith("left out: seeds 2–5 (c): ") for note in text.notes(bench.board))


def test_the_legend_says_what_the_seeds_cannot_tell(bench: Bench) -> None:
    bench.run({name: {"mmd": {0: 1.0, 1: 1.0}} for name in ("gmm", "kde")})
    legend = " ".join(text.notes(bench.board))
    assert "mean over seeds 0, 1 (2 of 2 folds)" in legend
    assert "No intervals: they need 6 people" in legend
    assert "noise of training is unknown to the ranks" in legend


def test_with_two_seeds_a_fold_the_legend_has_no_warning(bench: Bench) -> None:
    people = bench.by_person({person: float(person) for person in range(43)})
    bench.run({name: {"mmd": dict.fromkeys(range(4), people)} for name in ("gmm", "kde")})
    legend = " ".join(text.notes(bench.board))
    assert "95% interval, bootstrap over 43 people" in legend
    assert "noise of training" not in legend


def test_a_lone_competitor_has_no_table_of_ranks(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}}, "real": {"mmd": {0: 0.0}}})
    assert text.rank_columns(bench.board) == []
    assert not any("Rank" in note for note in text.notes(bench.board))


def test_the_best_are_those_that_nobody_beats_where_somebody_is_beaten(bench: Bench) -> None:
    bench.run({"a": {"mmd": {0: 1.0}, "tie": {0: 1.0}}, "b": {"mmd": {0: 2.0}, "tie": {0: 1.0}}})
    board = bench.board
    best = {
        (row.label, label)
        for row in board.rows
        for label, score in row.scores.items()
        if text.is_best(score, label, board)
    }
    assert best == {("a", "mmd")}


def test_submitted_rows_and_unranked_metrics_are_marked(bench: Bench) -> None:
    mine = bench.generator("mine", submitted=True)
    shown = bench.metric("shown", ranked=False, better="higher")
    bench.run({"mine": {"mmd": {0: 1.0}, "shown": {0: 1.0}}}, mine, shown)
    board = bench.board
    assert text.name(board.rows[0]) == "mine (submitted)"
    assert [text.heading(k, m) for k, m in board.metrics.items()] == ["mmd ↓", "(shown ↑)"]


ALARM = (
    "thief: auc 0.22 (null 0.5): significantly better than the null. These windows are nearer to windows "
    "outside train than chance allows: were they drawn from train alone?"
)


def test_what_a_reader_must_know_comes_first_among_the_notes(alarming: Board) -> None:
    assert text.notes(alarming)[:2] == [ALARM, "thief (seeds 0, 1): it left files behind"]


def test_a_board_with_nulls_tells_them_and_what_counts(alarming: Board, bench: Bench) -> None:
    (line,) = text.of_null(alarming)
    assert "single windows or people: 0.500 of auc. " in line
    assert line.endswith("!: significantly better than the null, an alarm.")
    nulls = {"x": 0.5, "y": 0.0, "z": 0.5}
    used = [bench.metric(k, family="privacy", null=null) for k, null in nulls.items()]
    bench.run({"gmm": {key: {0: 0.7} for key in nulls}}, *used)
    (line,) = text.of_null(bench.board)
    assert "people: 0.500 of x, z; 0 of y. " in line
    assert "alarm" not in line


def test_an_alarm_stands_beside_its_value(alarming: Board) -> None:
    found = {row.label: text.beside(row.scores["auc"], alarming) for row in alarming.rows}
    assert found["thief"].startswith("! [0.2")
    assert found["gmm"].startswith("[0.")
    assert found["real"].startswith("[0.")
    rows = {row.label: row for row in alarming.rows}
    thief = rows["thief"].scores["auc"]
    rows["gmm"].scores["auc"] = replace(rows["gmm"].scores["auc"], rank=2)
    assert thief.rank == 1
    assert not text.is_best(thief, "auc", alarming)
    assert text.is_best(replace(thief, against_null="equal"), "auc", alarming)
    some = replace(thief, status="failed")
    assert text.beside(some, alarming) == "! (2 of 2 seeds)"


def test_each_metric_is_in_one_line_about_the_audit(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}, "dtw": {0: 1.0}, "distance": {0: 1.0}}})
    board = replace(bench.board, audit={"mmd": "passes", "dtw": "open"})
    told = [line for line in text.notes(board) if "udit" in line or "claims" in line.lower()]
    assert told == [
        "✓ passes its audit: mmd.",
        "Claims to see nothing, so never ranked: dtw.",
        "Not audited on such windows (ecgbench audit): distance.",
    ]


@pytest.mark.parametrize("value", [1.7e308, -1e300, 1e9])
def test_a_number_of_any_size_is_short(value: float) -> None:
    assert len(text.number(value)) < 10
    assert float(text.number(value)) == pytest.approx(value, rel=0.1)
    assert len(text.number(0.5, like=value)) < 10
