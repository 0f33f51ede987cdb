from __future__ import annotations

import io
import json
import math
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ecgbench.harness.cell.messages import CellEnded, ScoreEnded, SetAside
from ecgbench.harness.cli.progress import watch
from ecgbench.results.store.progress import Stage, Step, Usage
from tests.harness.cli.progress.conftest import Clock, cell

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def test_json_events_are_those_that_the_document_lists(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with watch(Console(file=io.StringIO()), 3, as_json=True) as watching:
        watching.cell_started(cell(0))
        for message in (
            Stage("fit"),
            Step(3, 10, {"loss": math.nan}),
            Usage(1024, 0.5),
            SetAside("damaged"),
            CellEnded("ok", ""),
            ScoreEnded("peak", "ok", "", 0.5),
        ):
            watching.message(cell(0), message)
        clock.now += 1.5
        watching.cell_ended(cell(0, "failed", reason="never: no"), None)
        watching.waiting((cell(1),))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for event in events:
        time = event.pop("time")
        assert datetime.fromisoformat(time).utcoffset() is not None
        assert time[19] == "."
        assert time[23:] == "+00:00"
    name = cell(0).id.name
    assert events == [
        {"event": "begin", "todo": 3},
        {"event": "cell-started", "cell": name},
        {"event": "stage", "cell": name, "stage": "fit"},
        {"event": "step", "cell": name, "step": 3, "total": 10, "values": {"loss": None}},
        {"event": "usage", "cell": name, "memory": 1024, "cpu_seconds": 0.5},
        {"event": "aside", "cell": name, "reason": "damaged"},
        {"event": "cell", "cell": name, "status": "ok", "reason": ""},
        {
            "event": "score",
            "cell": name,
            "metric": "peak",
            "status": "ok",
            "reason": "",
            "value": 0.5,
        },
        {
            "event": "cell-ended",
            "cell": name,
            "state": "failed",
            "reason": "never: no",
            "seconds": 1.5,
        },
        {"event": "waiting", "cells": [cell(1).id.name]},
        {"event": "end", "done": 0, "failed": 1, "skipped": 0, "todo": 2, "seconds": 1.5},
    ]


def test_json_ends_though_the_run_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), watch(Console(), 1, as_json=True):
        raise KeyboardInterrupt
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["todo"] == 1


def test_standard_output_of_a_run_with_json_is_events_alone(ecgbench: Command) -> None:
    assert ecgbench.tiny("--json", "--set", "generator.jitter.fail_on_odd_seeds=true") == 1
    events = [json.loads(line) for line in ecgbench.out.splitlines()]
    assert events[0]["event"] == "begin"
    end = events[-1]
    assert (end["event"], end["done"], end["failed"], end["todo"]) == ("end", 1, 1, 0)
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages[:5] == ["data", "fit", "sample", "score peak", "score never"]
    assert [e["step"] for e in events if e["event"] == "step"][-1] == 10
    (failed,) = [e for e in events if e["event"] == "cell-ended" and e["state"] == "failed"]
    assert "odd [bold]seeds[/bold] are not for me" in failed["reason"]
    assert "plan study quick" in ecgbench.err
