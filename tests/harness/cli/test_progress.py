from __future__ import annotations

import io
import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecgbench.harness.cell.messages import CellEnded, ScoreEnded, SetAside
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.progress.lines import Plain
from ecgbench.harness.cli.progress.live import Live
from ecgbench.harness.cli.progress.say import duration, memory, values
from ecgbench.harness.cli.progress.tally import Tally
from ecgbench.harness.planning.plan import Cell
from ecgbench.results.store.progress import Progress, Stage, Step, Usage
from ecgbench.results.store.records import CellId, DatasetRecord, MetricRecord, PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.engine.run import Watch
    from ecgbench.results.store.states import State
    from tests.harness.cli.conftest import Command

EVIL = "it is \x1b[2J[bold]over[/bold]\r\nfor good"
METRICS = tuple(
    MetricRecord(
        name=name,
        version=1,
        settings={},
        origin="tests",
        family="fidelity",
        better="lower",
        bounds=(None, None),
        ideal=None,
        ranked=True,
    )
    for name in ("peak", "never")
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for name in ("events", "lines", "live", "tally"):
        monkeypatch.setattr(f"ecgbench.harness.cli.progress.{name}.monotonic", found)
    return found


def cell(
    seed: int = 0, state: State = "todo", *, generator: str = "jitter", reason: str = ""
) -> Cell:
    common: dict[str, Any] = {"version": 1, "settings": {}, "origin": "tests"}
    name = CellId(
        dataset=DatasetRecord(name="tiny", digest="0", **common),
        generator=PluginRecord(name=generator, **common),
        seed=seed,
        protocol=1,
    )
    return Cell(name, state, METRICS if state == "todo" else (), reason)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture
def piped() -> Console:
    return Console(file=io.StringIO(), width=60)


@pytest.fixture
def plain(piped: Console, clock: Clock) -> Iterator[Watch]:
    with watch(piped, 3, as_json=False) as watching:
        assert isinstance(watching, Plain)
        yield watching


def test_plain_lines_tell_each_start_and_end_with_state_and_time(
    plain: Watch, piped: Console, clock: Clock
) -> None:
    plain.cell_started(cell(0))
    plain.cell_started(cell(1))
    clock.now += 4.21
    plain.cell_ended(cell(1, "done"), None)
    plain.cell_ended(cell(0, "failed", reason="peak: no"), None)
    assert printed(piped) == [
        f"1/3 {cell(0).id.name}",
        f"2/3 {cell(1).id.name}",
        "done: tiny/jitter/seed-1 in 4.2 s",
        "failed: tiny/jitter/seed-0 in 4.2 s: peak: no",
    ]


def test_a_cell_that_is_begun_again_keeps_its_number(plain: Watch, piped: Console) -> None:
    plain.cell_started(cell(0))
    plain.cell_ended(cell(0), "another run has taken it over")
    plain.cell_started(cell(0))
    name = cell(0).id.name
    left = "left: tiny/jitter/seed-0 in 0.0 s: another run has taken it over"
    assert printed(piped) == [f"1/3 {name}", left, f"1/3 {name}"]


def test_a_cell_that_another_run_has_ended_is_not_called_begun(
    plain: Watch, piped: Console
) -> None:
    plain.cell_started(cell(0, "done"))
    plain.cell_ended(cell(0, "done"), None)
    assert printed(piped) == ["done: tiny/jitter/seed-0 by another run"]


def test_failures_are_told_as_they_happen_once_on_one_line_without_control_codes(
    plain: Watch, piped: Console
) -> None:
    plain.cell_started(cell(0))
    plain.message(cell(0), ScoreEnded("peak", "failed", EVIL + " so" * 60, None))
    plain.message(cell(0), SetAside("cell.json is damaged"))
    plain.message(cell(0), ScoreEnded("never", "skipped", "it never applies", None))
    plain.cell_ended(cell(0, "failed", reason=f"peak: {EVIL}"), None)
    plain.cell_started(cell(1))
    plain.message(cell(1), CellEnded("skipped", "too short"))
    plain.cell_ended(cell(1, "skipped", reason="too short"), None)
    assert printed(piped)[1:] == [
        "failed: tiny/jitter/seed-0: peak: it is [2J[bold]over[/bold] for good" + " so" * 60,
        "damaged: tiny/jitter/seed-0: cell.json is damaged",
        "failed: tiny/jitter/seed-0 in 0.0 s",
        f"2/3 {cell(1).id.name}",
        "skipped: tiny/jitter/seed-1: too short",
        "skipped: tiny/jitter/seed-1 in 0.0 s",
    ]


def test_why_a_process_was_ended_is_told_beside_what_failed_before(
    plain: Watch, piped: Console
) -> None:
    plain.cell_started(cell(0))
    plain.message(cell(0), ScoreEnded("peak", "failed", "no", None))
    plain.cell_ended(cell(0, "failed", reason="peak: no; never: SIGSEGV"), "SIGSEGV")
    assert printed(piped)[-1] == "failed: tiny/jitter/seed-0 in 0.0 s: peak: no; never: SIGSEGV"


def test_plain_lines_tell_of_a_long_fit_every_half_minute_only(
    plain: Watch, piped: Console, clock: Clock
) -> None:
    plain.cell_started(cell(0))
    plain.message(cell(0), Stage("fit"))
    for step in range(1, 521):
        clock.now += 0.125
        plain.message(cell(0), Step(step, 1000, {"loss": 0.5, "kl": math.nan}))
        plain.message(cell(0), Usage(3 * 2**29, 1.0))
    assert printed(piped)[1:] == [
        "tiny/jitter/seed-0: fit 240/1000, loss 0.500, kl nan, 1.5 GiB, 30 s",
        "tiny/jitter/seed-0: fit 480/1000, loss 0.500, kl nan, 1.5 GiB, 1 min 0 s",
    ]


def test_plain_lines_tell_who_is_waited_for(plain: Watch, piped: Console) -> None:
    plain.waiting((cell(0), cell(1)))
    plain.waiting((cell(1),))
    assert printed(piped) == [
        "waiting for 2 cells that other runs work on",
        "waiting for 1 cell that other runs work on",
    ]


def screen(live: Live) -> list[str]:
    """The block as it would be drawn now, line by line."""
    console = live.console
    lines = console.render_lines(live.display.get_renderable(), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def terminal(width: int = 100, height: int = 24) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None
    )


def start(live: Watch, jobs: int) -> None:
    for seed in range(jobs):
        live.cell_started(cell(seed))
        live.message(cell(seed), Stage("fit"))
        live.message(cell(seed), Step(120 + seed, 1000, {"loss": 0.123, "kl": 1e30}))
        live.message(cell(seed), Usage(300 * 2**20, 1.0))


def test_the_display_has_a_line_for_all_cells_and_one_for_each_that_runs(clock: Clock) -> None:
    with watch(terminal(), 12, as_json=False) as live:
        assert isinstance(live, Live)
        start(live, 2)
        live.message(cell(1), Stage("score peak"))
        clock.now += 75
        total, first, second = screen(live)
    assert total.startswith("cells")
    assert "0/12" in total
    assert "1 min 15 s" in total
    assert first.startswith("tiny/jitter/seed-0  fit")
    for part in ("120/1000", "loss 0.123, kl 1e+30", "300 MiB", "1 min 15 s", "━"):
        assert part in first
    assert second.startswith("tiny/jitter/seed-1  score peak")
    assert "1000" not in second
    assert "loss" not in second


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 9, 10, 11, 24])
@pytest.mark.parametrize("width", [1, 20, 40, 60, 100])
def test_the_display_stays_within_the_terminal(width: int, height: int, clock: Clock) -> None:
    with watch(terminal(width, height), 12, as_json=False) as live:
        assert isinstance(live, Live)
        start(live, 8)
        lines = screen(live)
    assert len(lines) <= max(1, height - 1)
    assert all(cell_len(line) <= width for line in lines)
    if height < 10:
        shown = sum(line.startswith("tiny") for line in lines)
        if width >= 20 and height > 2:
            assert lines[-1] == f"… and {8 - shown} more"
            assert shown == height - 3
    else:
        assert len(lines) == 9


def test_a_narrow_terminal_does_without_bars_before_it_does_without_numbers(clock: Clock) -> None:
    with watch(terminal(56), 2, as_json=False) as live:
        assert isinstance(live, Live)
        live.cell_started(cell(1))
        clock.now += 75
        live.cell_ended(cell(1, "failed", reason="no"), None)
        start(live, 1)
        total, line = screen(live)
    assert total == "cells  1/2  1 failed  1 min 15 s  about 1 min 15 s left"
    assert line.startswith("tiny/jitter/seed-0  fit")
    assert "120/1000" in line
    assert "loss 0.123" in line
    assert "━" not in line


def test_failures_and_ends_scroll_above_the_display(clock: Clock) -> None:
    console = terminal()
    with watch(console, 2, as_json=False) as live:
        start(live, 1)
        live.message(cell(0), CellEnded("failed", EVIL))
        live.cell_ended(cell(0, "failed", reason=EVIL), None)
        assert isinstance(live, Live)
        assert "1/2  1 failed" in screen(live)[0]
    text = "\n".join(printed(console))
    assert "failed: tiny/jitter/seed-0: it is [2J[bold]over[/bold] for good" in text
    assert "failed: tiny/jitter/seed-0 in 0.0 s" in text
    assert "\x1b[2J" not in text


def test_the_display_says_that_it_waits_until_it_works_again(clock: Clock) -> None:
    with watch(terminal(), 2, as_json=False) as live:
        assert isinstance(live, Live)
        live.waiting((cell(0), cell(1)))
        assert screen(live)[-1] == "waiting for 2 cells that other runs work on"
        live.cell_started(cell(0))
        assert "waiting" not in "".join(screen(live))


def test_text_of_a_plugin_cannot_steer_the_terminal(clock: Clock) -> None:
    with watch(terminal(200), 1, as_json=False) as live:
        assert isinstance(live, Live)
        live.cell_started(cell(0))
        live.message(cell(0), Stage(f"score {EVIL}"))
        live.message(cell(0), Step(1, None, {EVIL: 1.0}))
        line = screen(live)[1]
    assert "\x1b" not in line
    assert line.count("[2J[bold]over[/bold] for good") == 2


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with watch(Console(file=io.StringIO(), force_terminal=True), 1, as_json=False) as watching:
        assert isinstance(watching, Plain)


def work(tally: Tally, clock: Clock, seed: int, generator: str, seconds: float) -> None:
    tally.begin(cell(seed, generator=generator))
    clock.now += seconds
    tally.end(cell(seed, "done", generator=generator))


def test_what_is_left_is_not_guessed_before_a_cell_has_ended(clock: Clock) -> None:
    tally = Tally(4)
    tally.begin(cell(0))
    clock.now += 100
    assert tally.left() is None


def test_cells_of_one_generator_cost_alike(clock: Clock) -> None:
    tally = Tally(4)
    work(tally, clock, 0, "slow", 100)
    work(tally, clock, 0, "fast", 10)
    tally.begin(cell(1, generator="slow"))
    tally.begin(cell(1, generator="fast"))
    clock.now += 4
    assert tally.left() == 96  # the longer of the two, for they run side by side


def test_cells_that_nothing_is_known_of_cost_the_mean_of_all_kinds(clock: Clock) -> None:
    tally = Tally(13)
    work(tally, clock, 0, "slow", 100)
    for seed in range(9):
        work(tally, clock, seed, "fast", 10)
    tally.begin(cell(0, generator="other"))
    assert tally.left() == 55 + 2 * 55


def test_what_is_left_is_divided_by_the_cells_that_run_side_by_side(clock: Clock) -> None:
    tally = Tally(11)
    work(tally, clock, 0, "jitter", 10)
    for seed in range(1, 6):
        tally.begin(cell(seed))
    assert tally.left() == (5 * 10 + 5 * 10) / 5


def test_cells_that_other_runs_ended_do_not_make_all_look_cheap(clock: Clock) -> None:
    tally = Tally(4)
    work(tally, clock, 0, "jitter", 10)
    tally.begin(cell(1, "done"))
    tally.end(cell(1, "done"))
    tally.begin(cell(2))
    assert tally.left() == 20


def test_a_cell_that_was_left_is_still_to_do(clock: Clock) -> None:
    tally = Tally(2)
    tally.begin(cell(0))
    tally.end(cell(0))
    assert tally.ended().total() == 0
    work(tally, clock, 0, "jitter", 1)
    assert tally.ended() == {"done": 1}


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


def test_amounts_are_told_as_a_person_tells_them() -> None:
    assert [duration(s) for s in (0, 9.98, 59.7, 3599.7)] == [
        "0.0 s",
        "10 s",
        "1 min 0 s",
        "1 h 0 min",
    ]
    assert [memory(size) for size in (0, 300 * 2**20, 3 * 2**29)] == ["", "300 MiB", "1.5 GiB"]
    diverged = {"loss": math.inf, "kl": math.nan, "norm": 1e300, "acc": 0.5}
    shown = values(Progress(began=0, values=diverged))
    assert shown == "loss inf, kl nan, norm 1e+300, acc 0.500"
