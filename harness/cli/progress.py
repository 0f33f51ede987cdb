"""What a run tells while it works: live in a terminal, a line for each event elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ecgbench.results.render.text import number, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID

    from ecgbench.harness.plan import Cell


class RunProgress:
    """Draws a run's progress; also what failed, as it fails.

    Args:
        console: to print on.
        count: cells that are to be worked through.
    """

    def __init__(self, console: Console, count: int) -> None:
        self.console = console
        self.count = count
        self.started = time.monotonic()
        self.ended: list[float] = []
        self.cell_began = self.started
        self.live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.cells: TaskID = self.live.add_task("cells", total=count, note="")
        self.step: TaskID = self.live.add_task("", total=None, note="", visible=False)
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.live.stop()

    def cell_started(self, cell: Cell) -> None:
        """A cell's process starts."""
        self.cell_began = time.monotonic()
        self.failed = []
        if not self.console.is_terminal:
            number = len(self.ended) + 1
            self.console.print(f"{number}/{self.count} {cell.id.name}", highlight=False)

    def waiting(self, cells: Sequence[Cell]) -> None:
        """All that is left is in the hands of other runs."""
        self.console.print(f"waiting for {len(cells)} cells that other runs work on")

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
        """The process sent something."""
        name = _short(cell)
        match message:
            case ("stage", stage):
                self.live.update(
                    self.step,
                    description=f"{escape(name)} {escape(plain(stage))}",
                    total=None,
                    completed=0,
                    note="",
                    visible=True,
                )
            case ("log", step, total, values):
                shown = "  ".join(f"{plain(k)} {number(v)}" for k, v in values.items())
                self.live.update(self.step, total=total, completed=step, note=escape(shown))
            case ("cell", status, reason) if status != "ok":
                self._say(f"{status}: {name}: {plain(reason)}", failed=status == "failed")
            case ("score", metric, "failed", reason, _):
                self._say(f"failed: {name}: {metric}: {plain(reason)}", failed=True)
            case _:
                pass

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """The process has ended."""
        if failure:
            self._say(f"failed: {_short(cell)}: {plain(failure)}", failed=True)
        seconds = time.monotonic() - self.cell_began
        self.ended.append(seconds)
        left = self.count - len(self.ended)
        mean = (time.monotonic() - self.started) / len(self.ended)
        note = f"about {duration(left * mean)} left" if left else ""
        self.live.update(self.cells, completed=len(self.ended), note=note)
        self.live.update(self.step, visible=False)
        if not self.failed:
            self.console.print(f"[dim]done: {escape(_short(cell))} in {duration(seconds)}")

    def _say(self, text: str, *, failed: bool) -> None:
        self.failed.append(text)
        self.console.print(escape(text), style="red" if failed else "yellow", highlight=False)


def watch(console: Console, count: int, *, as_json: bool) -> RunProgress:
    del as_json
    return RunProgress(console, count)


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(4.21), duration(75), duration(7500)
    ('4.2 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _short(cell: Cell) -> str:
    return f"{cell.id.dataset.name}/{cell.id.generator.name}/seed-{cell.id.seed}"
