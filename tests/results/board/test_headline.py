from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.board.headline import DEFAULT, MOST_HEADLINE

if TYPE_CHECKING:
    from tests.results.conftest import Bench

FAMILIES = {
    "mmd": ("fidelity", "lower"),
    "frechet-distance": ("fidelity", "lower"),
    "morphology": ("fidelity", "lower"),
    "coverage": ("diversity", "higher"),
    "recall": ("diversity", "higher"),
    "cross-classification": ("utility", "higher"),
    "membership-inference": ("privacy", "lower"),
    "patient-membership": ("privacy", "lower"),
    "fit-time": ("cost", "lower"),
}


def run(bench: Bench, *names: str, headline: list[str] | None = None) -> tuple[str, ...]:
    """Return the headline of a board with metrics of these names."""
    records = [
        bench.metric(name, family=FAMILIES[name][0], better=FAMILIES[name][1]) for name in names
    ]
    scores = {each: {name: {0: 1.0, 1: 2.0} for name in names} for each in ("gmm", "kde")}
    plan = bench.run(scores, *records)
    if headline is not None:
        bench.store.remove_plan(plan)
        bench.store.write_plan(msgspec.structs.replace(plan, headline=headline))
    return bench.board.headline


def test_the_default_has_one_question_each(bench: Bench) -> None:
    assert run(bench, *FAMILIES) == DEFAULT
    assert len(DEFAULT) == MOST_HEADLINE


def test_a_study_chooses_its_own_and_keeps_a_metric_of_each_family(bench: Bench) -> None:
    chosen = run(bench, *FAMILIES, headline=["mmd", "recall"])
    assert chosen == ("mmd", "recall", "cross-classification", "patient-membership")


def test_a_board_without_these_metrics_shows_those_that_it_has(bench: Bench) -> None:
    assert run(bench, "mmd", "recall", "fit-time") == ("mmd", "recall")


def test_a_metric_of_a_file_is_in_the_headline(bench: Bench) -> None:
    own = bench.metric("own", family="fidelity", origin="file:own.py 1")
    names = [name for name in FAMILIES if name != "fit-time"]
    records = [
        bench.metric(name, family=FAMILIES[name][0], better=FAMILIES[name][1]) for name in names
    ]
    scores = {each: {n: {0: 1.0} for n in (*names, "own")} for each in ("gmm", "kde")}
    bench.run(scores, own, *records)
    assert "own" in bench.board.headline
    assert len(bench.board.headline) == MOST_HEADLINE


def test_a_metric_that_is_skipped_in_every_row_is_not(bench: Bench) -> None:
    bench.run({"gmm": {"morphology": {0: ("skipped", "one class")}, "mmd": {0: 1.0}}})
    assert bench.board.headline == ("mmd",)
