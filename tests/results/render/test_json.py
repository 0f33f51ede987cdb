from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecgbench.results.render import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board
    from tests.results.conftest import Bench


def fail(constant: str) -> None:
    raise AssertionError(constant)


def read(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render([board], "json"), parse_constant=fail)
    return found


def test_it_has_the_published_schema(realistic: Callable[..., Board]) -> None:
    found = read(realistic(windows=1000))
    assert list(found) == ["schema", "boards"]
    assert found["schema"] == 1
    (board,) = found["boards"]
    assert {"dataset", "study", "settings", "metrics", "rows"} <= set(board)
    assert board["settings"] == {"windows": 1000}
    assert board["data"] == "0123456789abcdef"
    assert (board["seeds"], board["people"]) == ([0, 1], 43)
    row = board["rows"][0]
    assert {"generator", "reference", "ranks", "scores"} <= set(row)
    assert set(row["ranks"]) == {"overall", "fidelity", "utility", "privacy", "cost"}
    assert set(row["scores"]) == set(board["metrics"])
    wanted = {"status", "value", "low", "high", "n", "seeds", "reason", "spread", "rank", "p"}
    wanted |= {"against_null", "notes"}
    assert all(set(score) == wanted for score in row["scores"].values())


def test_what_is_no_number_is_null_with_its_status(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: float("nan")}, "auc": {0: ("skipped", "one class")}}})
    scores = read(bench.board)["boards"][0]["rows"][0]["scores"]
    assert (scores["mmd"]["value"], scores["mmd"]["status"]) == (None, "failed")
    assert (scores["auc"]["value"], scores["auc"]["status"]) == (None, "skipped")
    assert scores["auc"]["reason"] == "one class"


def test_alarms_and_notes_are_told(alarming: Board) -> None:
    (board,) = read(alarming)["boards"]
    assert board["notes"] == alarming.notes
    assert board["notes"][0].startswith("thief: auc 0.22 (null 0.5)")
    assert board["metrics"]["auc"]["null"] == 0.5
    rows = {row["generator"]: row for row in board["rows"]}
    assert rows["thief"]["notes"] == ["(seeds 0, 1): it left files behind"]
    told = {label: row["scores"]["auc"]["against_null"] for label, row in rows.items()}
    assert told == {"thief": "better", "gmm": "equal", "real": "equal"}


def test_foreign_text_is_kept_and_harmless(hostile: Board) -> None:
    out = render([hostile], "json")
    assert "\x1b" not in out
    assert "\x1b[31m" in json.loads(out)["boards"][0]["study"]


def test_no_terminal_obeys_what_is_printed_and_the_text_is_the_same(hostile: Board) -> None:
    board = replace(hostile, study="\x9b31m \u202e \x7f é 😀")
    out = render([board], "json")
    assert out.isascii()
    assert out.replace("\n", "").isprintable()
    assert json.loads(out)["boards"][0]["study"] == board.study
