from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


@pytest.mark.parametrize(
    "options", ["--all", "--format markdown", "--format csv", "--format json", "--format latex"]
)
def test_every_format_shows_every_row_and_metric(ecgbench: Command, options: str) -> None:
    assert ecgbench.tiny() == 0
    assert ecgbench("leaderboard", *options.split()) == 0
    for word in ("jitter", "peak", "never", "tiny"):
        assert word in ecgbench.out


def test_the_headline_comes_first_and_names_the_way_to_the_rest(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert ecgbench("leaderboard") == 0
    assert "peak ↓" in ecgbench.out
    assert not re.search(r"\[-?\d.*, -?\d.*\]", ecgbench.out)
    for command in ("leaderboard --all", "leaderboard --family privacy", "report --out site/"):
        assert f"ecgbench {command}\n" in ecgbench.out


def test_a_family_alone_is_shown_with_its_intervals(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert ecgbench("leaderboard", "--family", "fidelity") == 0
    assert "peak ↓" in ecgbench.out
    assert re.search(r"\[-?\d.*, -?\d.*\]", ecgbench.out)
    assert ecgbench("leaderboard", "--family", "cost") == 0
    assert ecgbench.out.strip() == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--family fidelty", "no family is called 'fidelty'; did you mean 'fidelity'?"),
        ("--all --family privacy", "leave out --family"),
        ("--all --format csv", "--format csv holds all metrics"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    ecgbench: Command, options: str, said: str
) -> None:
    assert ecgbench("leaderboard", *options.split()) == 2
    assert said in ecgbench.err


def test_json_and_csv_agree_and_hold_an_interval_over_people(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    score = ecgbench.boards[0]["rows"][0]["scores"]["peak"]
    assert score["low"] < score["value"] < score["high"]
    assert ecgbench("leaderboard", "--format", "csv") == 0
    rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(ecgbench.out))}
    assert float(rows["peak"]["value"]) == pytest.approx(score["value"])
    assert rows["never"]["status"] == "skipped"
    assert rows["never"]["value"] == ""


def test_the_written_tables_are_those_that_the_command_prints(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    for form, suffix in {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}.items():
        assert ecgbench("leaderboard", "--format", form, "--dataset", "tiny") == 0
        assert (
            ecgbench.folder / f"ecgbench-results/board/tiny.{suffix}"
        ).read_text() == ecgbench.out


def test_an_empty_store_and_an_unknown_dataset_are_said(ecgbench: Command) -> None:
    assert ecgbench("leaderboard") == 2
    assert "holds no results; ecgbench run makes some" in ecgbench.err
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench("leaderboard", "--dataset", "tinny") == 2
    assert "did you mean 'tiny'?" in ecgbench.err
    assert ecgbench("leaderboard", "--study", "quik") == 2
    assert "no board of study 'quik'; did you mean 'quick'?" in ecgbench.err
    assert ecgbench("leaderboard", "--study", "quick") == 0
    assert "jitter" in ecgbench.out


@pytest.mark.parametrize("part", ["cell.json", "peak-*.json"])
def test_a_damaged_record_is_shown_with_the_way_out_and_the_rest_of_the_board_stands(
    ecgbench: Command, part: str
) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    (record,) = (ecgbench.folder / "ecgbench-results").rglob(part)
    record.write_text(record.read_text()[:40])
    assert ecgbench("leaderboard") == 0
    assert "its record is damaged; ecgbench run makes it again" in ecgbench.out
    assert ecgbench("run", *ecgbench.flags, "--metrics", "peak,never", "--seeds", "0") == 0
    assert ecgbench("leaderboard") == 0
    assert "damaged" not in ecgbench.out


def test_a_damaged_plan_is_named(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    (plan,) = (ecgbench.folder / "ecgbench-results").rglob("plans/*/*.json")
    plan.write_text(plan.read_text()[:40])
    assert ecgbench("leaderboard") == 2
    assert f"{plan} is damaged" in ecgbench.err
    assert "Traceback" not in ecgbench.err


def test_a_board_json_holds_no_number_that_is_none(ecgbench: Command) -> None:
    assert ecgbench.tiny() == 0
    assert ecgbench("leaderboard", "--format", "json") == 0
    assert "NaN" not in ecgbench.out
    assert json.loads(ecgbench.out)["schema"] == 1
