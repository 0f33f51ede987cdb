from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

PLUGINS = Path(__file__).parents[2] / "plugins" / "audited.py"
FLAGS: tuple[Any, ...] = ("--plugin", PLUGINS, "--datasets", "ecgsyn")
SMALL = ("--windows", "1200", "--seeds", "0,1", "--jobs", "2")


@pytest.fixture(autouse=True)
def _own_store(ecgbench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGBENCH_STORE", str(ecgbench.folder / "store"))
    ecgbench.stubs = PLUGINS


def audit(ecgbench: Command, metrics: str, *more: object) -> int:
    return ecgbench("audit", *FLAGS, "--metrics", metrics, *SMALL, *more)


@pytest.mark.slow
def test_an_audit_tells_metrics_that_see_from_those_that_do_not(ecgbench: Command) -> None:
    store = ecgbench.folder / "store"
    assert (
        audit(ecgbench, "roughness,slow,shy,constant,copied,breaks,absent,idle,time", "--json") == 1
    )
    assert "left out: time: it claims to see no fault" in ecgbench.err
    lines = [json.loads(line) for line in ecgbench.out.splitlines() if '"event"' in line]
    found = {e["metric"]["name"]: e for e in lines if e["event"] == "audit"}
    assert {name: event["verdict"] for name, event in found.items()} == {
        "roughness": "passes",
        "slow": "passes",
        "constant": "fails",
        "copied": "passes",
        "breaks": "fails",
        "shy": "fails",
        "absent": "skipped",
        "idle": "open",
    }
    assert found["absent"]["reason"] == "there are no attributes"
    assert found["shy"]["series"][0]["reason"] == "at 0.5, seed 0: this is no ECG"
    series = {each["name"]: each for each in found["roughness"]["series"]}
    assert series["noise"]["response"] == "seen"
    assert series["noise"]["claimed"]
    assert series["smoothing"]["response"] == "reversed"
    assert "smoothing" in found["roughness"]["reversed"]
    assert "patient-drop" in found["roughness"]["blind"]
    assert [each["name"] for each in found["slow"]["series"]] == ["noise"]
    copied = {each["name"]: each for each in found["copied"]["series"]}
    assert copied["copies"]["worse"][1:] == pytest.approx([0.01, 0.1, 0.5, 1.0], abs=0.02)
    assert copied["copies-noise-0.1"]["response"] == "blind"
    assert "noise" not in copied
    page = (store / "audit" / "ecgsyn.md").read_text("utf-8")
    assert "| constant | fails |" in page
    assert page.count("others were not shown") == 2
    pictures = list((store / "audit" / "ecgsyn").glob("*.png"))
    assert len(pictures) == 5
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)

    # what is finished is not done again, and another metric's audit leaves it on the page
    before = sorted((store / "audit" / "cells").rglob("*.json"))
    assert audit(ecgbench, "copied") == 0
    assert sorted((store / "audit" / "cells").rglob("*.json")) == before
    assert (store / "audit" / "ecgsyn.md").read_text("utf-8") == page

    # the card and the board say so, and what fails never enters a rank
    assert ecgbench("show", "--plugin", PLUGINS, "metric", "roughness", "--json") == 0
    card = json.loads(ecgbench.out)["audit_on_ecgsyn"]
    assert card.startswith("passes; on ")
    assert " windows sees, from noise*" in card
    run = ("run", *FLAGS, "--generators", "pca-gaussian,gmm", "--windows", "800", "--seeds", "0")
    ecgbench(*run, "--metrics", "roughness,constant,copied,idle", "--no-references")
    assert ecgbench("leaderboard", "--all") == 0
    assert "fails its audit, so never ranked: constant" in " ".join(ecgbench.out.split())
    (board,) = ecgbench.boards
    assert board["audit"] == {
        "roughness": "passes",
        "constant": "fails",
        "copied": "passes",
        "idle": "open",
    }
    ranks = {name: score["rank"] for name, score in board["rows"][0]["scores"].items()}
    assert ranks["constant"] is None
    assert ranks["idle"] is None
    assert ranks["roughness"] is not None


def test_seeds_of_one_fold_are_refused(ecgbench: Command) -> None:
    assert ecgbench("audit", *FLAGS, "--metrics", "roughness", "--seeds", "0,2") == 2
    assert "two seeds or more, of both folds" in ecgbench.err


def test_a_metric_that_no_fault_belongs_to_is_refused(ecgbench: Command) -> None:
    assert ecgbench("audit", *FLAGS, "--metrics", "time") == 2
    assert "none of the named metrics can be audited" in ecgbench.err


def test_the_doses_are_not_to_be_set(ecgbench: Command) -> None:
    assert ecgbench("audit", *FLAGS, "--set", "generator.dose.amount=3") == 2
    assert "its doses are settled" in ecgbench.err


def test_an_unknown_metric_is_named_with_the_nearest(ecgbench: Command) -> None:
    assert ecgbench("audit", *FLAGS, "--metrics", "roughnes") == 2
    assert "did you mean 'roughness'" in ecgbench.err


def test_a_plugin_that_does_not_load_is_named(ecgbench: Command) -> None:
    broken = ecgbench.folder / "broken.py"
    broken.write_text("raise RuntimeError('boom')\n")
    ecgbench("audit", *FLAGS, "--plugin", broken, "--metrics", "roughnes")
    assert "boom" in ecgbench.err


def test_a_dry_run_tells_how_much_there_is_to_do_and_does_nothing(ecgbench: Command) -> None:
    assert audit(ecgbench, "roughness,copied", "--dry-run") == 0
    assert "roughness" in ecgbench.out
    assert "doses, " in ecgbench.out
    assert "scores to compute" in ecgbench.out
    assert not list((ecgbench.folder / "store").glob("audit/cells/*"))
