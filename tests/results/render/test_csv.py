from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ecgbench.results.render import render
from ecgbench.results.render.csv import to_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board


def lines(board: Board) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render([board], "csv"))))


def test_a_line_for_each_generator_and_metric(realistic: Callable[..., Board]) -> None:
    board = realistic()
    found = {(line["generator"], line["metric"]) for line in lines(board)}
    assert found == {(row.label, label) for row in board.rows for label in board.metrics}
    assert len(lines(board)) == len(found)


def test_values_are_whole_and_what_is_missing_is_empty(realistic: Callable[..., Board]) -> None:
    board = realistic()
    by_name = {(line["generator"], line["metric"]): line for line in lines(board)}
    score = board.rows[0].scores["distance"]
    line = by_name[board.rows[0].label, "distance"]
    assert float(line["value"]) == score.value
    assert float(line["low"]) == score.low
    assert line["rank"] == str(score.rank)
    assert line["n"] == "100"
    assert by_name["real", "parameters"]["value"] == ""
    assert by_name["real", "parameters"]["reason"] == "it does not say"
    assert by_name["real", "distance"]["rank"] == ""


def test_the_table_is_a_data_frame(realistic: Callable[..., Board]) -> None:
    table = to_table([realistic()])
    wide = table.pivot_table(index="generator", columns="metric", values="value")
    assert wide.loc["real", "inception-score"] == 4.0
    assert str(table["rank"].dtype) == "Int64"


def test_alarms_and_notes_are_columns(alarming: Board) -> None:
    found = {line["generator"]: (line["against_null"], line["notes"]) for line in lines(alarming)}
    assert found == {
        "thief": ("better", "(seeds 0, 1): it left files behind"),
        "gmm": ("equal", ""),
        "real": ("equal", ""),
    }


def test_no_boards_are_an_empty_table() -> None:
    assert to_table([]).empty


@pytest.mark.parametrize(
    "name", ["nan", "null", "na", "none", "true", "1e5", "007", "inf", "gmm", "nan-2", "null v2"]
)
def test_names_are_text_whoever_reads_them(realistic: Callable[..., Board], name: str) -> None:
    board = realistic()
    board.rows = board.rows[:1]
    board.rows[0].label = name
    board.study = name
    read = pd.read_csv(io.StringIO(render([board], "csv")))
    for column in ("generator", "study"):
        assert {found.removeprefix("'") for found in read[column]} == {name}
    assert str(read["generator"][0]).startswith("'") == (name not in ("gmm", "nan-2", "null v2"))


def test_no_cell_is_a_formula(hostile: Board) -> None:
    for line in lines(hostile):
        for cell in (
            line[k] for k in ("study", "settings", "family", "generator", "reason", "notes")
        ):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
            assert cell.isprintable()
    assert "'=1+1" in {line["family"] for line in lines(hostile)}
    assert "'=cmd|'/c calc'!A0" in {line["reason"] for line in lines(hostile)}
