"""Which boards are compared, and what is said of those that are not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.results.board.compare import compare
from tests.results.board.pairs import SEEDS, both

if TYPE_CHECKING:
    from tests.results.conftest import Bench


def test_each_board_that_has_both_rows_is_compared(bench: Bench) -> None:
    pair = {"a": {"mmd": {0: 1.0}}, "b": {"mmd": {0: 2.0}}}
    bench.run(pair)
    bench.run(pair, settings={"windows": 1000})
    bench.run(pair, study="standard")
    bench.run(pair, bench.dataset("ecgsyn"))
    bench.run({"a": {"mmd": {0: 1.0}}}, bench.dataset("ludb"))

    def boards(**chosen: str) -> list[tuple[str, str]]:
        found, _ = compare(bench.store, "a", "b", bench.catalogue, **chosen)
        return [(each.board.dataset.name, each.board.study) for each in found]

    assert boards() == [("ecgsyn", "quick"), *[("mitdb", "quick")] * 2, ("mitdb", "standard")]
    assert boards(dataset="ecgsyn") == [("ecgsyn", "quick")]
    assert boards(study="standard") == [("mitdb", "standard")]
    assert compare(bench.store, "a", "b", bench.catalogue)[1] == [
        "ludb · study quick has no row 'b'"
    ]


def test_rows_are_named_by_their_labels(bench: Bench) -> None:
    for version, value in ((1, 2.0), (2, 1.0)):
        scores = {"gmm": {"mmd": dict.fromkeys(SEEDS, value)}}
        bench.run(scores, bench.generator(version=version))
    assert both(bench, "gmm v1", "gmm v2").findings["mmd"].verdict == "B better"


@pytest.mark.parametrize(
    ("a", "b", "chosen", "message"),
    [
        ("gmm", "gmm", {}, "A and B are both 'gmm'"),
        ("gmn", "kde", {}, "no row 'gmn'; did you mean 'gmm'?"),
        ("gmm", "xyz", {}, "no row 'xyz'; choose from: flow, gmm, kde"),
        ("gmm", "flow", {}, "no board has both: ecgsyn · study quick has no row 'gmm'; mitdb"),
        ("gmm", "kde", {"dataset": "mitbd"}, "no board of 'mitbd'; did you mean 'mitdb'?"),
        ("gmm", "kde", {"study": "quik"}, "no board of study 'quik'; did you mean 'quick'?"),
        ("gmm", "kde", {"dataset": "ecgsyn"}, "no row 'gmm'; choose from: flow"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    bench: Bench, a: str, b: str, chosen: dict[str, str], message: str
) -> None:
    bench.run({name: {"mmd": {0: 1.0}} for name in ("gmm", "kde")})
    bench.run({"flow": {"mmd": {0: 1.0}}}, bench.dataset("ecgsyn"))
    with pytest.raises(UsageError, match=re.escape(message)):
        compare(bench.store, a, b, bench.catalogue, **chosen)


def test_a_store_without_results_is_said(bench: Bench) -> None:
    with pytest.raises(UsageError, match="holds no results; ecgbench run makes some"):
        both(bench)
