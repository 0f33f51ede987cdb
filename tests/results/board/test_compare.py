from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from ecgbench.results.board.compare import Finding, corrected, summarise
from ecgbench.results.board.pairs import difference
from ecgbench.results.board.table import BoardScore
from ecgbench.results.board.uncertainty import Sample
from tests.results.board.pairs import FAILED, SEEDS, SKIPPED, both, row, verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.results.board.compare import Together
    from tests.results.conftest import Bench, Outcome


# --- one metric --------------------------------------------------------------------------------


def test_a_difference_has_both_values_its_interval_p_and_verdict(bench: Bench) -> None:
    bench.run({"a": {"mmd": row(bench, 2.0)}, "b": {"mmd": row(bench, 1.0, 1)}})
    found = both(bench).findings["mmd"]
    assert found.a.value is not None
    assert found.b.value is not None
    assert found.difference == pytest.approx(found.a.value - found.b.value)
    assert found.difference is not None
    assert found.difference == pytest.approx(1.0, abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.difference < found.high
    assert found.p is not None
    assert found.p < 1e-3
    assert found.verdict == "B better"
    assert both(bench, "b", "a").findings["mmd"].verdict == "A better"


def test_people_who_are_alike_in_both_rows_add_no_error(bench: Bench) -> None:
    bench.run({"a": {"mmd": row(bench, 2.0)}, "b": {"mmd": row(bench, 1.99, 1)}})
    found = both(bench).findings["mmd"]
    assert found.a.low is not None
    assert found.a.high is not None
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 0.05 * (found.a.high - found.a.low)
    assert found.verdict == "B better"


def test_where_more_is_better_the_other_row_is_better(bench: Bench) -> None:
    auc = bench.metric("auc", better="higher")
    bench.run({"a": {"auc": row(bench, 2.0)}, "b": {"auc": row(bench, 1.0, 1)}}, auc)
    assert both(bench).findings["auc"].verdict == "A better"


def test_two_rows_of_the_same_windows_differ_by_nothing(bench: Bench) -> None:
    bench.run({"a": {"mmd": row(bench, 1.0)}, "b": {"mmd": row(bench, 1.0)}})
    found = both(bench).findings["mmd"]
    assert (found.difference, found.p, found.verdict) == (0.0, 1.0, "no difference seen")


def test_with_one_seed_the_test_is_that_of_pairs_of_people(bench: Bench) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=30)
    b = a + rng.normal(0.3, size=30)
    bench.run(
        {
            name: {"mmd": {0: bench.by_person(dict(enumerate(of)))}}
            for name, of in (("a", a), ("b", b))
        }
    )
    found, wanted = both(bench).findings["mmd"], stats.ttest_rel(a, b)
    assert found.p == pytest.approx(wanted.pvalue, rel=0.2)
    assert (found.low, found.high) == pytest.approx(tuple(wanted.confidence_interval()), abs=0.03)


def test_without_people_the_test_is_that_of_seeds_within_folds(bench: Bench) -> None:
    a, b = [1.0, 5.0, 1.2, 5.1, 0.9, 4.9], [1.5, 5.5, 1.4, 5.6, 1.6, 5.4]
    bench.run(
        {name: {"mmd": dict(zip(SEEDS, of, strict=True))} for name, of in (("a", a), ("b", b))}
    )
    apart = np.array(a) - np.array(b)
    folds = apart[::2], apart[1::2]
    error = np.sqrt(sum(of.var(ddof=1) for of in folds) / 2 / 6)
    found = both(bench).findings["mmd"]
    assert found.difference == pytest.approx(apart.mean())
    assert found.p == pytest.approx(2 * stats.t.sf(abs(apart.mean()) / error, df=4))
    assert found.high == pytest.approx(apart.mean() + stats.t.isf(0.025, df=4) * error)


def test_errors_of_people_and_seeds_add_up_each_with_its_own_t() -> None:
    normal = np.random.default_rng(0).normal(size=2000)
    exact = Sample(seeds=(0, 1, 2, 3), values=np.zeros(4), resampled=np.zeros(2000), people=43)
    other = Sample(
        seeds=(0, 1, 2, 3),
        values=np.array([1.0, 1.0, 3.0, 3.0]),
        resampled=2 + 0.5 * (normal - normal.mean()) / normal.std(),
        people=43,
    )
    found = difference(other, exact)
    of_people, of_seeds = 0.25 * 43 / 41, 2 / 4

    def margin(p: float) -> float:
        t = stats.t.isf(p / 2, df=41), stats.t.isf(p / 2, df=2)
        return float(np.sqrt(t[0] ** 2 * of_people + t[1] ** 2 * of_seeds))

    assert found.value == 2.0
    assert found.interval == pytest.approx((2 - margin(0.05), 2 + margin(0.05)))
    assert found.p is not None
    assert margin(found.p) == pytest.approx(2.0)


def test_what_never_varies_is_better_as_soon_as_it_differs(bench: Bench) -> None:
    bench.run({"a": {"mmd": dict.fromkeys(SEEDS, 2.0)}, "b": {"mmd": dict.fromkeys(SEEDS, 1.0)}})
    found = both(bench).findings["mmd"]
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))
    assert (found.p, found.verdict) == (0.0, "B better")


def test_where_nothing_is_known_of_the_error_there_is_no_verdict(bench: Bench) -> None:
    bench.run({"a": {"mmd": {0: 9.0, 1: 9.0}}, "b": {"mmd": {0: 1.0, 1: 1.0}}})
    found = both(bench).findings["mmd"]
    assert (found.difference, found.low, found.p) == (8.0, None, None)
    assert found.verdict == "not tested"


def test_people_and_seeds_are_those_of_the_whole_board(bench: Bench) -> None:
    pair = {name: {"mmd": row(bench, mean, int(mean))} for name, mean in (("a", 1.0), ("b", 2.0))}
    many = {person: float(person) for person in range(60)}
    bench.run(pair | {"c": {"mmd": {seed: bench.by_person(many) for seed in SEEDS}}})
    bench.run({"a": {"mmd": {8: 1.0}}})
    board = both(bench).board
    assert (board.people, board.seeds) == (bench.board.people, bench.board.seeds) == (60, SEEDS)
    assert [each.left_out for each in board.rows] == [(8,), ()]
    for each in board.rows:
        (same,) = [other for other in bench.board.rows if other.label == each.label]
        assert each.scores["mmd"].low == same.scores["mmd"].low


def test_contributions_that_do_not_make_their_value_are_told(bench: Bench) -> None:
    broken = bench.by_person({0: 1.0, 1: 2.0})
    broken.numerators.append([1.0])
    bench.run({row: {"mmd": {0: broken}} for row in "abc"})
    found = both(bench)
    assert found.findings["mmd"].verdict == "no difference seen"
    assert [note[:30] for note in found.board.notes] == [
        f"{row}, mmd (seed 0): its contribut" for row in "ab"
    ]


# --- the null ----------------------------------------------------------------------------------


def test_privacy_is_compared_by_its_excess_over_the_null(bench: Bench) -> None:
    auc = bench.metric("auc", family="privacy", null=1.0)
    values = {"a": 0.2, "b": 1.1, "c": 5.0, "real": 0.4, "copy": 5.0, "gaussian-noise": 0.4}
    bench.run({name: {"auc": row(bench, value)} for name, value in values.items()}, auc)
    found = both(bench).findings["auc"]
    assert (found.a.against_null, found.b.against_null) == ("better", "equal")
    assert (found.difference, str(found.effect), found.p) == (0.0, "0.0", 1.0)
    assert found.verdict == "no difference seen"
    (alarm,) = both(bench).board.notes
    assert alarm.startswith("a: auc 0.")
    leak = both(bench, "a", "c").findings["auc"]
    assert leak.difference == pytest.approx(1.0 - 5.0, abs=0.1)
    assert leak.verdict == "A better"
    assert both(bench, "b", "c").board.notes == []
    # reference rows count as the null, too, and raise no alarm
    assert both(bench, "b", "real").findings["auc"].verdict == "no difference seen"
    assert both(bench, "b", "real").board.notes == []


# --- several metrics ---------------------------------------------------------------------------


def test_p_values_are_corrected_for_all_metrics_that_are_compared(bench: Bench) -> None:
    assert corrected({"x": 0.01, "y": None, "z": 0.02}, 4) == {"x": 0.04, "z": 0.06}
    bench.run({"a": {"mmd": row(bench, 1.0)}, "b": {"mmd": row(bench, 1.006, 1)}})
    alone = both(bench).findings["mmd"].p
    others: dict[str, dict[int, Outcome]] = {f"m{i}": dict.fromkeys(SEEDS, 1.0) for i in range(3)}
    others |= {"lost": dict.fromkeys(SEEDS, FAILED), "late": dict.fromkeys(SEEDS)}
    bench.run({"a": others, "b": others})
    found = both(bench)
    assert found.compared == 6
    assert alone is not None
    assert found.findings["mmd"].p == pytest.approx(6 * alone)


def test_what_does_not_apply_or_is_not_ranked_costs_the_others_nothing(bench: Bench) -> None:
    shown = bench.metric("shown", ranked=False)
    cost = bench.metric("time", family="cost")
    skipped: dict[int, Outcome] = dict.fromkeys(SEEDS, SKIPPED)
    scores: dict[str, Mapping[int, Outcome]] = {
        "mmd": row(bench, 1.0),
        "shown": row(bench, 1.0),
        "tstr": skipped,
    }
    bench.run(
        {"a": {**scores, "time": dict.fromkeys(SEEDS, 1.0)}, "copy": {**scores, "time": skipped}},
        shown,
        cost,
    )
    found = both(bench, "a", "copy")
    assert found.compared == 1
    assert verdicts(found) == {
        "mmd": "no difference seen",
        "tstr": None,
        "shown": None,
        "time": None,
    }
    assert found.findings["shown"].difference == 0.0
    assert list(found.families) == ["fidelity"]


def test_a_competitor_that_skips_what_the_other_does_not_gains_nothing(bench: Bench) -> None:
    bench.run(
        {
            "a": {"mmd": row(bench, 1.0), "auc": dict.fromkeys(SEEDS, SKIPPED)},
            "b": {"mmd": row(bench, 2.0, 1), "auc": row(bench, 1.0)},
        }
    )
    found = both(bench)
    assert found.compared == 2
    assert verdicts(found) == {"mmd": "A better", "auc": "missing"}
    assert found.families["fidelity"].verdict == "open"


def test_an_unfinished_board_is_compared_and_says_what_is_missing(bench: Bench) -> None:
    bench.run(
        {
            "a": {"mmd": row(bench, 1.0), "auc": {**row(bench, 1.0), 5: None}},
            "b": {"mmd": row(bench, 2.0, 1), "auc": row(bench, 2.0, 1)},
            "c": {"mmd": row(bench, 3.0, 2), "auc": row(bench, 3.0, 2)},
        },
        cells={("c", 4): None},
    )
    found = both(bench)
    assert verdicts(found) == {"mmd": "A better", "auc": "missing"}
    auc = found.findings["auc"].a
    assert (auc.status, auc.reason) == ("todo", "seed 5: not scored yet")
    assert verdicts(both(bench, "a", "c")) == {"mmd": "missing", "auc": "missing"}


def finding(said: str) -> Finding:
    """With this verdict; after a slash, the rows that have no value."""
    verdict, _, without = said.partition("/")
    a, b = (BoardScore(status="failed" if row in without else "ok") for row in "ab")
    return Finding(family="fidelity", better="lower", ranked=True, a=a, b=b, verdict=verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "together"),
    [
        (["A better", "no difference seen", "not tested"], "A better"),
        (["B better", "B better"], "B better"),
        (["A better", "B better", "no difference seen"], "mixed"),
        (["no difference seen", "not tested"], "no difference seen"),
        (["no difference seen", "missing/a"], "no difference seen"),
        (["not tested", "missing/a"], "not tested"),
        (["A better", "missing/a"], "open"),
        (["A better", "missing/b"], "A better"),
        (["A better", "missing/ab"], "A better"),
        (["B better", "missing/b"], "open"),
    ],
)
def test_several_metrics_together(said: list[str], together: Together) -> None:
    found = summarise(map(finding, said))
    assert found is not None
    assert found.verdict == together
    assert sum(found.counts.values()) == len(said)


def test_metrics_without_a_verdict_say_nothing() -> None:
    assert summarise([]) is None


def test_overall_is_over_the_four_families_and_not_over_costs(bench: Bench) -> None:
    families = ("fidelity", "privacy", "cost", "style")
    better = {"privacy": 1.0, "fidelity": 1.0, "cost": 3.0, "style": 3.0}
    bench.run(
        {
            "a": {f"of-{f}": row(bench, better[f]) for f in families},
            "b": {f"of-{f}": row(bench, 2.0, 1) for f in families},
        },
        *(bench.metric(f"of-{f}", family=f) for f in families),
    )
    found = both(bench)
    assert {family: said.verdict for family, said in found.families.items()} == {
        "fidelity": "A better",
        "privacy": "A better",
        "cost": "B better",
        "style": "B better",
    }
    assert found.overall is not None
    assert found.overall.verdict == "A better"
    assert found.overall.counts == {"A better": 2}


# --- effects -----------------------------------------------------------------------------------


def test_an_effect_is_in_the_favour_of_a_and_in_units_of_the_range_of_references(
    bench: Bench,
) -> None:
    values = {
        "a": 2.0,
        "b": 4.0,
        "real": 1.0,
        "copy": 0.5,
        "noisy-copy": 90.0,
        "gaussian-noise": 8.5,
    }
    auc = bench.metric("auc", better="higher")
    bench.run({name: {"mmd": {0: v, 1: v}, "auc": {0: v, 1: v}} for name, v in values.items()}, auc)
    found = both(bench).findings
    assert found["mmd"].effect == pytest.approx(2.0 / 8.0)
    assert found["auc"].effect == pytest.approx(-2.0 / 8.0)
    assert both(bench, "real", "gaussian-noise").findings["mmd"].effect == pytest.approx(7.5 / 8)


@pytest.mark.parametrize("lost", ["real", "copy", "gaussian-noise"])
def test_without_one_of_these_rows_there_is_no_effect(bench: Bench, lost: str) -> None:
    values = {"a": 2.0, "b": 4.0, "real": 1.0, "copy": 0.5, "gaussian-noise": 8.5}
    bench.run({name: {"mmd": {0: FAILED if name == lost else v}} for name, v in values.items()})
    assert both(bench).findings["mmd"].effect is None


def test_rows_that_are_all_alike_are_no_measure_of_effect(bench: Bench) -> None:
    names = ("a", "real", "copy", "gaussian-noise")
    bench.run({name: {"mmd": {0: 1.0}} for name in names} | {"b": {"mmd": {0: 2.0}}})
    assert both(bench).findings["mmd"].effect is None
