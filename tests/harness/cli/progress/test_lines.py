from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ecgbench.harness.cell.messages import CellEnded, ScoreEnded, SetAside
from ecgbench.results.store.progress import Stage, Step, Usage
from tests.harness.cli.progress.conftest import EVIL, Clock, cell, printed

if TYPE_CHECKING:
    from rich.console import Console

    from ecgbench.harness.engine.run import Watch


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
        "waiting for 2 cells of other runs",
        "waiting for 1 cell of other runs",
    ]
