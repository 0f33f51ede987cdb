"""Lines: they stay in any terminal, and are all the output without a terminal."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.cell.messages import CellEnded, Note, ScoreEnded, SetAside
from ecgbench.harness.cli.progress.say import duration, memory, steps, values, waiting
from ecgbench.harness.cli.progress.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.planning.plan import Cell

TELL_EVERY = 30.0
"""Seconds between two lines of a long cell, without a terminal."""

STYLES = {"done": "dim", "failed": "red", "skipped": "yellow", "todo": "yellow"}


class Lines:
    """Prints the lasting lines: how each cell ended, and each failure with its reason."""

    def __init__(self, console: Console, count: int) -> None:
        self.console = console
        self.tally = Tally(count)

    def cell_started(self, cell: Cell) -> None:
        """A cell is begun."""
        self.tally.begin(cell)

    def message(self, cell: Cell, message: Told) -> None:
        """A cell has sent something."""
        running = self.tally.take(cell, message)
        match message:
            case CellEnded(("failed" | "skipped") as status, reason):
                running.told = True
                self._say(f"{status}: {running.name}: {reason}", STYLES[status])
            case ScoreEnded(metric, "failed", reason):
                running.told = True
                self._say(f"failed: {running.name}: {metric}: {reason}", STYLES["failed"])
            case Note(text):
                self._say(f"note: {running.name}: {text}", "yellow")
            case SetAside(reason):
                self._say(f"damaged: {running.name}: {reason}", STYLES["failed"])

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """A cell has ended."""
        running = self.tally.end(cell)
        how = f"in {duration(monotonic() - running.began)}" if running.ours else "by another run"
        reason = "" if running.told and not failure else cell.reason or failure or ""
        state = "left" if cell.state == "todo" else cell.state
        text = f"{state}: {running.name} {how}{': ' if reason else ''}{reason}"
        self._say(text, STYLES[cell.state])

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(plain(text), style=style), soft_wrap=not self.console.is_terminal)


class Plain(Lines):
    """Prints a line for each event, and now and then the progress of a long cell."""

    def cell_started(self, cell: Cell) -> None:
        """A cell is begun."""
        running = self.tally.begin(cell)
        if running.ours:
            self._say(f"{running.place}/{self.tally.count} {cell.id.name}")

    def message(self, cell: Cell, message: Told) -> None:
        """A cell has sent something."""
        super().message(cell, message)
        running = self.tally.running[cell.id.name]
        now = monotonic()
        if now - running.spoke < TELL_EVERY:
            return
        running.spoke = now
        progress = running.progress
        parts = (
            f"{progress.stage} {steps(progress)}".strip(),
            values(progress),
            memory(progress.memory),
            duration(now - running.since),
        )
        self._say(f"{running.name}: {', '.join(part for part in parts if part)}")

    def waiting(self, cells: Sequence[Cell]) -> None:
        """Tell that other runs work on all other cells."""
        self._say(waiting(len(cells)))
