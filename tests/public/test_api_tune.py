"""`ecgbench.tune`: a search on people held out of the training windows."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ecgbench
from ecgbench.contracts.errors import UsageError
from ecgbench.harness.cli import main

if TYPE_CHECKING:
    from ecgbench.harness.api.tune import Trial, Tuned

SEARCHED = Path(__file__).parents[1] / "plugins" / "searched.py"
ARGUMENTS: dict[str, Any] = {
    "dataset": "ecgsyn",
    "study": "smoke",
    "windows": 300,
    "objective": "level",
    "trials": 8,
    "plugins": [SEARCHED],
    "jobs": 2,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def tuned(store: Path) -> Tuned:
    return ecgbench.tune("warm", store=store, **ARGUMENTS)


@pytest.mark.slow
def test_the_search_begins_with_the_studys_own_settings_and_betters_them(tuned: Tuned) -> None:
    first = tuned.trials[0]
    assert first.settings == {}
    assert first.value is not None
    assert tuned.best.value is not None
    assert len(tuned.trials) == 8
    assert tuned.best.settings["sign"] == "-"
    assert abs(tuned.best.settings["distance"] - 1) < 1
    assert tuned.best.value > first.value + 1


@pytest.mark.slow
def test_the_result_is_a_study_with_both_rows(tuned: Tuned) -> None:
    written = tomllib.loads(tuned.study)
    default, best = written["generators"]
    assert default == "warm"
    assert best == "warm:" + ":".join(f"{k}={v}" for k, v in tuned.best.settings.items())
    assert (written["name"], written["windows"]) == ("smoke", 300)
    assert "nested" not in written


@pytest.mark.slow
def test_the_same_call_finds_the_same_trials_and_fits_nothing_again(
    tuned: Tuned, store: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in store.rglob("cell.json")}
    told: list[Trial] = []
    again = ecgbench.tune("warm", store=store, on_trial=told.append, **ARGUMENTS)
    assert again == tuned
    assert tuple(told) == tuned.trials
    assert {path: path.stat().st_mtime_ns for path in store.rglob("cell.json")} == before
    (board,) = ecgbench.boards(store, plugins=[SEARCHED])
    assert board.settings == {"nested": 0, "smoke": True, "windows": 300}


@pytest.mark.slow
def test_the_command_writes_the_study(
    tuned: Tuned, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "warm.toml"
    flags = (
        f"--dataset ecgsyn --study smoke --windows 300 --objective level --trials 8 --store {store}"
    )
    assert main(["tune", "warm", *flags.split(), "--plugin", str(SEARCHED), "--out", str(out)]) == 0
    assert out.read_text() == tuned.study
    assert f"best: {tuned.best.value:.3f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "cold"}, "cold declares no search space; "),
        ({"generator": "worm"}, "did you mean 'warm'"),
        ({"study": "smoky"}, "did you mean 'smoke'"),
        ({"objective": "levels"}, "did you mean 'level'"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ecgbench.tune(**{"generator": "warm", "store": tmp_path, **ARGUMENTS, **change})
