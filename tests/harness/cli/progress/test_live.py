from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecgbench.harness.cell.messages import CellEnded
from ecgbench.harness.cli.progress import watch
from ecgbench.harness.cli.progress.lines import Plain
from ecgbench.harness.cli.progress.live import Live
from ecgbench.results.store.progress import Stage, Step, Usage
from tests.harness.cli.progress.conftest import EVIL, Clock, cell, printed

if TYPE_CHECKING:
    from ecgbench.harness.engine.run import Watch


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
        assert screen(live)[-1] == "waiting for 2 cells of other runs"
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
