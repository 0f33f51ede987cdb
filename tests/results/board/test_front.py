from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.results.board.front import front
from ecgbench.results.board.table import BoardScore, Row
from ecgbench.results.board.uncertainty import Sample
from ecgbench.results.render import render, text, write_boards
from ecgbench.results.render.front import headlines, to_png

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.results.board.table import Board
    from ecgbench.results.store.records import MetricRecord
    from tests.results.conftest import Bench, Outcome

SEEDS = tuple(range(6))
FAILED = ("failed", "no memory")
AIMS = {
    "f1": ("utility", "higher"),
    "tstr": ("utility", "higher"),
    "leak": ("privacy", "lower"),
    "copies": ("privacy", "lower"),
}


def metrics(bench: Bench, *names: str) -> dict[str, MetricRecord]:
    return {name: bench.metric(name, family=AIMS[name][0], better=AIMS[name][1]) for name in names}


def found(
    bench: Bench,
    values: Mapping[str, Mapping[str, float | None]],
    used: Mapping[str, MetricRecord] | None = None,
    seeds: tuple[int, ...] = SEEDS,
) -> list[str]:
    """The front of rows with these values by metric, None where it failed; each varies by .01."""
    names = list(dict.fromkeys(metric for of_row in values.values() for metric in of_row))
    rows, samples = [], {name: list[Sample | None]() for name in names}
    for place, (label, of_row) in enumerate(values.items()):
        scores = {}
        for number, name in enumerate(names):
            value = of_row.get(name)
            scores[name] = BoardScore(status="failed" if value is None else "ok", value=value)
            noise = np.random.default_rng([place, number]).normal(scale=0.01, size=len(seeds))
            known = None if value is None else Sample(seeds=seeds, values=value + noise)
            samples[name].append(known)
        rows.append(Row(generator=bench.generator(label), label=label, scores=scores))
    return front(used or metrics(bench, *names), rows, samples)


def test_each_of_a_trade_off_is_on_the_front_and_who_is_worse_at_both_is_not(bench: Bench) -> None:
    values = {
        "useful": {"f1": 0.9, "leak": 0.9},
        "private": {"f1": 0.1, "leak": 0.1},
        "between": {"f1": 0.5, "leak": 0.5},
        "worse": {"f1": 0.4, "leak": 0.6},
    }
    assert found(bench, values) == ["useful", "private", "between"]


def test_better_at_one_and_no_different_at_the_other_is_enough(bench: Bench) -> None:
    values = {"a": {"f1": 0.9, "leak": 0.5}, "b": {"f1": 0.5, "leak": 0.501}}
    assert found(bench, values) == ["a"]
    values = {"a": {"f1": 0.501, "leak": 0.2}, "b": {"f1": 0.5, "leak": 0.5}}
    assert found(bench, values) == ["a"]


def test_a_difference_that_may_be_noise_keeps_nobody_off(bench: Bench) -> None:
    values = {"a": {"f1": 0.502, "leak": 0.499}, "b": {"f1": 0.5, "leak": 0.5}}
    assert found(bench, values) == ["a", "b"]


def test_of_mixed_rows_neither_dominates(bench: Bench) -> None:
    values = {
        "a": {"f1": 0.9, "tstr": 0.9, "leak": 0.1, "copies": 0.5},
        "b": {"f1": 0.9, "tstr": 0.5, "leak": 0.5, "copies": 0.1},
    }
    assert found(bench, values) == ["a", "b"]


def test_a_failure_puts_nobody_on_the_front_and_dominates_nobody(bench: Bench) -> None:
    values: dict[str, dict[str, float | None]] = {
        "lacks": {"f1": 0.9, "leak": 0.1, "copies": None},
        "has": {"f1": 0.5, "leak": 0.5, "copies": 0.5},
        "worse": {"f1": 0.4, "leak": 0.6, "copies": 0.6},
    }
    assert found(bench, values) == ["has"]


def test_a_metric_that_nobody_has_costs_nobody_the_front(bench: Bench) -> None:
    values = {
        "a": {"f1": 0.9, "leak": 0.1, "copies": None},
        "b": {"f1": 0.5, "leak": 0.1, "copies": None},
    }
    assert found(bench, values) == ["a"]


def test_metrics_that_are_not_ranked_and_reference_rows_have_no_say(bench: Bench) -> None:
    values = {
        "real": {"f1": 0.99, "leak": 0.0, "copies": 0.0},
        "a": {"f1": 0.9, "leak": 0.1, "copies": 0.9},
        "b": {"f1": 0.5, "leak": 0.5, "copies": 0.1},
    }
    used = metrics(bench, "f1", "leak") | {
        "copies": bench.metric("copies", family="privacy", ranked=False)
    }
    assert found(bench, values, used) == ["a"]
    assert found(bench, values) == ["a", "b"]


def test_without_both_families_there_is_no_front(bench: Bench) -> None:
    assert found(bench, {"a": {"f1": 0.9}, "b": {"f1": 0.5}}) == []
    assert found(bench, {"a": {"leak": 0.9}, "b": {"leak": 0.5}}) == []
    assert found(bench, {"a": {"f1": 0.9, "leak": None}, "b": {"f1": 0.5, "leak": None}}) == []
    assert found(bench, {"a": {"f1": 0.9, "leak": 0.5}}) == ["a"]


def test_where_nothing_is_known_of_the_error_nobody_dominates(bench: Bench) -> None:
    values = {"a": {"f1": 0.9, "leak": 0.1}, "b": {"f1": 0.5, "leak": 0.5}}
    assert found(bench, values, seeds=(0, 1)) == ["a", "b"]


def test_all_pairs_and_metrics_are_corrected_together(bench: Bench) -> None:
    pair = {"a": {"f1": 0.52, "leak": 0.5}, "b": {"f1": 0.5, "leak": 0.5}}
    assert found(bench, pair) == ["a"]
    others = {f"g{i}": {"f1": 0.5, "leak": 0.5} for i in range(30)}
    assert "b" in found(bench, pair | others)


# --- the picture -------------------------------------------------------------------------------


def drawn(bench: Bench, values: Mapping[str, Mapping[str, Outcome]], **run: Any) -> Board:
    """The board of rows with these values by metric, one seed."""
    scores = {row: {name: {0: value} for name, value in of.items()} for row, of in values.items()}
    bench.run(scores, *metrics(bench, *AIMS).values(), **run)
    return bench.board


def test_competitors_and_references_are_drawn_the_same_each_time(bench: Bench) -> None:
    people = bench.by_person({person: 0.5 + 0.01 * person for person in range(20)})
    values: dict[str, dict[str, Outcome]] = {
        "a": {"f1": people, "leak": 0.5},
        "b": {"f1": 0.3, "leak": people},
        "real": {"f1": 0.9, "leak": 0.0},
        "copy": {"f1": 0.9, "leak": FAILED},
    }
    study = "new\n$x_{$ \x1b[31m 心電図"
    board = drawn(bench, values, study=study, settings={"metric.f1.words": "long " * 40})
    picture = to_png([board, board])
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert picture == to_png([board, board])
    assert picture != to_png([board, replace(board, front=["b"])])


def test_an_alarm_is_marked_in_the_picture(bench: Bench) -> None:
    values: dict[str, dict[str, Outcome]] = {
        row: {"f1": 0.5 + place / 10, "leak": 0.3} for place, row in enumerate("ab")
    }
    board = drawn(bench, values)
    plain = to_png([board])
    (score,) = [row.scores["leak"] for row in board.rows if row.label == "a"]
    board.rows[0].scores["leak"] = replace(score, against_null="better")
    assert to_png([board]) != plain


def test_an_axis_is_the_first_ranked_metric_that_the_most_competitors_have(bench: Bench) -> None:
    values: dict[str, dict[str, Outcome]] = {
        "a": {"f1": 0.5, "tstr": 0.5, "copies": 0.5, "leak": 0.5},
        "b": {"f1": FAILED, "tstr": 0.5, "copies": 0.5, "leak": 0.5},
    }
    assert headlines(drawn(bench, values)) == ("tstr", "copies")


@pytest.mark.parametrize(
    "values",
    [
        {"a": {"f1": 0.5, "leak": 0.5}, "real": {"f1": 0.9, "leak": 0.0}},
        {"a": {"f1": 0.5, "leak": FAILED}, "b": {"f1": 0.5, "leak": 0.5}},
        {"a": {"f1": 0.5, "leak": FAILED}, "b": {"f1": 0.5, "leak": FAILED}},
        {"a": {"f1": 0.5}, "b": {"f1": 0.6}},
    ],
)
def test_without_two_competitors_that_have_both_there_is_no_picture(
    bench: Bench, values: dict[str, dict[str, Outcome]]
) -> None:
    assert to_png([drawn(bench, values)]) is None


# --- the board ---------------------------------------------------------------------------------


def test_a_board_names_its_front_in_its_notes_its_json_and_a_picture(bench: Bench) -> None:
    values = {"useful": (0.9, 0.9), "worse": (0.4, 0.9), "private": (0.1, 0.1), "real": (1.0, 0.0)}
    scores: dict[str, dict[str, dict[int, Outcome]]] = {
        row: {
            name: {seed: value + 0.001 * (seed > place) for seed in SEEDS}
            for name, value in zip(("f1", "leak"), of, strict=True)
        }
        for place, (row, of) in enumerate(values.items())
    }
    bench.run(scores, *metrics(bench, *AIMS).values())
    bench.run({"gmm": {"f1": {0: 1.0}}}, bench.dataset("ecgsyn"), *metrics(bench, "f1").values())
    other, board = bench.boards
    assert set(board.front) == {"useful", "private"}
    assert board.front == [row.label for row in board.competitors if row.label != "worse"]
    assert other.front == []
    (note,) = [note for note in text.notes(board) if "front" in note]
    assert note.startswith(f"Utility–privacy front: {', '.join(board.front)}. ")
    assert not [note for note in text.notes(other) if "front" in note]
    found = json.loads(render([other, board], "json"))["boards"]
    assert [each["front"] for each in found] == [[], board.front]
    paths = write_boards(bench.boards, bench.store)
    pictures = [
        path.relative_to(bench.store.path).as_posix() for path in paths if path.suffix == ".png"
    ]
    assert pictures == ["board/mitdb-front.png"]


# --- how often it errs -------------------------------------------------------------------------

METRICS = 10
RUNS = 200


def rates(bench: Bench, rows: int, noise: float, seeds: int) -> tuple[float, float]:
    """How often one of equal rows is not on the front, and how often one that is worse is not.

    The last row is worse by 1 on one metric of each family; the unit is the standard deviation over
    people of the difference of two rows, ``noise`` that of the same difference over seeds.
    """
    rng = np.random.default_rng(0)
    names = [f"m{number}" for number in range(METRICS)]
    used = {
        name: bench.metric(name, family="utility" if number < 3 else "privacy")
        for number, name in enumerate(names)
    }
    ok = dict.fromkeys(names, BoardScore(status="ok"))
    all_rows = [
        Row(generator=bench.generator(f"g{i}"), label=f"g{i}", scores=ok) for i in range(rows)
    ]
    shares = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), size=2000) / 40
    alarms = told = 0
    for _ in range(RUNS):
        samples: dict[str, list[Sample | None]] = {}
        for number, name in enumerate(names):
            own = rng.normal(scale=0.5**0.5, size=(rows, 40))
            own[-1] += number in {0, METRICS - 1}
            training = rng.normal(scale=noise / 2**0.5, size=(rows, seeds))
            samples[name] = [
                Sample(
                    seeds=tuple(range(seeds)),
                    values=own[row].mean() + training[row],
                    resampled=shares @ own[row] + training[row].mean(),
                    people=40,
                )
                for row in range(rows)
            ]
        on = front(used, all_rows, samples)
        alarms += not {row.label for row in all_rows[:-1]} <= set(on)
        told += all_rows[-1].label not in on
    return alarms / RUNS, told / RUNS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "seeds", "noise", "alarms", "told"),
    [
        (5, 2, 0.0, 0.015, 1.0),
        (5, 2, 0.2, 0.215, 1.0),
        (5, 4, 0.2, 0.02, 1.0),
        (5, 6, 0.2, 0.015, 1.0),
        (5, 6, 0.5, 0.03, 0.855),
        (12, 2, 0.2, 0.47, 1.0),
        (12, 6, 0.2, 0.025, 1.0),
        (12, 6, 0.5, 0.01, 0.795),
    ],
)
def test_the_front_errs_as_often_as_the_protocol_says(
    bench: Bench, rows: int, seeds: int, noise: float, alarms: float, told: float
) -> None:
    assert rates(bench, rows, noise, seeds) == pytest.approx((alarms, told), abs=0.01)
