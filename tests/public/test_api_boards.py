"""`ecgbench.boards` and `ecgbench.compare`: frames, text, HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ecgbench
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli import main

if TYPE_CHECKING:
    from tests.public.conftest import Small

STUBS = Path(__file__).parents[1] / "harness" / "cli" / "stubs.py"
COLUMNS = {"generator", "metric", "state", "value", "low", "high", "rank", "p", "n", "reason"}


@pytest.fixture
def store(small: Small, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    return small.folder / "store"


def board_of(store: Path) -> Any:
    (board,) = ecgbench.boards(store, plugins=[STUBS])
    return board


def test_a_frame_has_a_line_for_each_row_and_metric(store: Path) -> None:
    frame = board_of(store).to_frame()
    assert set(frame.columns) >= COLUMNS
    assert frame[["generator", "metric"]].values.tolist() == [
        ["jitter", "peak"],
        ["jitter", "never"],
    ]
    peak, never = frame.iloc[0], frame.iloc[1]
    assert peak["state"] == "ok"
    assert peak["low"] < peak["value"] < peak["high"]
    assert peak["n"] > 0
    assert (never["state"], never["reason"]) == ("skipped", "it never [red]applies[/red]")


def test_a_wide_frame_has_the_values_alone(store: Path) -> None:
    board = board_of(store)
    wide = board.to_frame(wide=True)
    assert list(wide.index) == ["jitter"]
    assert list(wide.columns) == ["peak", "never"]
    assert wide.loc["jitter", "peak"] == board.rows[0].scores["peak"].value
    assert wide["never"].isna().all()


def test_the_text_of_a_board_is_the_commands(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = board_of(store)
    assert main(["leaderboard", "--all", "--store", str(store), "--plugin", str(STUBS)]) == 0
    assert str(board) == capsys.readouterr().out.strip("\n")


def test_a_board_in_a_notebook_shows_values_and_notes(store: Path) -> None:
    html = board_of(store)._repr_html_()
    assert "<table" in html
    assert "peak ↓" in html
    assert "<details>" in html


def test_nothing_from_elsewhere_is_html(store: Path) -> None:
    board = board_of(store)
    bad = "<script>alert(1)</script>"
    board.study = board.rows[0].label = bad
    board.notes = [bad]
    board.settings = {bad: bad}
    board.metrics = {bad: board.metrics["peak"]}
    board.rows[0].scores = {bad: board.rows[0].scores["peak"]}
    html = board._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5


def test_one_study_or_dataset_can_be_chosen(store: Path) -> None:
    assert len(ecgbench.boards(store, dataset="tiny", study="quick", plugins=[STUBS])) == 1
    with pytest.raises(UsageError, match="tiny"):
        ecgbench.boards(store, dataset="tidy", plugins=[STUBS])


@pytest.mark.slow
def test_a_comparison_is_the_commands_and_has_a_frame(
    alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = ecgbench.run(
        "jitter",
        "tiny",
        "peak",
        range(4),
        settings={"generator.jitter.sigma": 0.5},
        store="store",
        plugins=[STUBS],
    )
    assert outcome.ok
    comparisons = ecgbench.compare("jitter", "gaussian-noise", "store", plugins=[STUBS])
    (line,) = comparisons.to_frame().to_dict("records")
    rows = {row.label: row for row in outcome.boards[0].rows}
    assert line["a"] == rows["jitter"].scores["peak"].value
    assert line["difference"] == pytest.approx(line["a"] - line["b"])
    assert line["low"] <= line["difference"] <= line["high"]
    assert line["verdict"] in ("A better", "B better", "no difference seen")
    capsys.readouterr()
    flags = ["--store", "store", "--plugin", str(STUBS)]
    assert main(["compare", "jitter", "gaussian-noise", *flags]) == 0
    assert str(comparisons) == capsys.readouterr().out.strip("\n")
    assert "<table" in comparisons._repr_html_()


def test_a_label_or_a_name_of_another_type_is_an_error(store: Path) -> None:
    wrong: Any = 3
    with pytest.raises(UsageError, match="a = 3: the label of a row"):
        ecgbench.compare(wrong, "jitter", store, plugins=[STUBS])
    with pytest.raises(UsageError, match="dataset = 3: one name"):
        ecgbench.boards(store, dataset=wrong, plugins=[STUBS])


def test_a_row_that_is_not_there_is_an_error_with_the_nearest(store: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'jitter'"):
        ecgbench.compare("jitter", "jiter", store, plugins=[STUBS])
