"""The live display of a terminal."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live as Display
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.cli.progress.lines import STYLES, Lines
from ecgbench.harness.cli.progress.say import duration, memory, steps, values, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from ecgbench.harness.cli.progress.tally import Running
    from ecgbench.harness.planning.plan import Cell

REFRESH = 4
"""Drawings of the live display a second."""

BAR = 12
GAP = 2
LEAST = 12
"""Columns of the terminal: of a bar, between two columns, and of a column that may shrink."""

SPARE = ("bar", "memory", "values", "elapsed", "left", "steps")
"""The parts that a narrow terminal leaves out, first to last."""


class Live(Lines):
    """A block below the lines: all cells, then a line for each running cell, as long as there is room."""

    def __init__(self, console: Console, count: int) -> None:
        super().__init__(console, count)
        self.with_others = 0
        self.display = Display(
            console=console,
            get_renderable=self._block,
            refresh_per_second=REFRESH,
            transient=True,
        )

    def cell_started(self, cell: Cell) -> None:
        """A cell is begun."""
        super().cell_started(cell)
        self.with_others = 0

    def waiting(self, cells: Sequence[Cell]) -> None:
        """Tell that other runs work on all other cells."""
        self.with_others = len(cells)

    def _block(self) -> RenderableType:
        # one line is left for the last printed one
        room = max(0, self.console.height - 2)
        running = list(self.tally.running.values())
        shown = running if len(running) <= room else running[: max(0, room - 1)]
        block: list[RenderableType] = [_grid([self._total()], self.console.width)]
        if shown:
            block.append(_grid([_parts(cell) for cell in shown], self.console.width))
        note = ""
        if len(shown) < len(running):
            note = f"… and {len(running) - len(shown)} more"
        elif self.with_others and not running:
            note = waiting(self.with_others)
        if note and room:
            block.append(Text(note, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*block)

    def _total(self) -> dict[str, Text | ProgressBar]:
        ended, left = self.tally.ended(), self.tally.left()
        done = ended.total()
        failed = f"{ended['failed']} failed" if ended["failed"] else ""
        # less than a second: cells take longer than the earlier ones
        about = f"about {duration(left)} left" if left is not None and left >= 1 else ""
        return {
            "name": Text("cells", style="bold"),
            "bar": ProgressBar(total=max(self.tally.count, 1), completed=done, width=2 * BAR),
            "steps": Text(f"{done}/{self.tally.count}"),
            "failed": Text(failed, style=STYLES["failed"]),
            "elapsed": Text(duration(monotonic() - self.tally.began)),
            "left": Text(about, style="dim"),
        }


def _parts(running: Running) -> dict[str, Text | ProgressBar]:
    progress = running.progress
    bar: Text | ProgressBar = Text()
    if progress.step is not None and progress.total:
        bar = ProgressBar(total=progress.total, completed=progress.step, width=BAR)
    return {
        "name": Text(running.name, style="cyan"),
        "stage": Text(plain(progress.stage) or "starting"),
        "elapsed": Text(duration(monotonic() - running.since)),
        "memory": Text(memory(progress.memory)),
        "bar": bar,
        "steps": Text(steps(progress)),
        "values": Text(values(progress), style="dim"),
    }


def _grid(rows: list[dict[str, Text | ProgressBar]], width: int) -> Table:
    """Rows of like parts, each on one line of ``width`` columns whatever they hold."""
    needed = {name: max(_width(row[name]) for row in rows) for name in rows[0]}
    needed = {name: cells for name, cells in needed.items() if cells}
    wanted = needed.get("values", 0)
    if wanted:
        needed["values"] = min(wanted, LEAST)
    for name in SPARE:
        if _room(needed, width) >= 0:
            break
        needed.pop(name, None)
    if "values" in needed:
        needed["values"] = min(wanted, needed["values"] + max(0, _room(needed, width)))
    for name in ("stage", "name"):
        if name in needed and _room(needed, width) < 0:
            needed[name] = max(min(needed[name], LEAST), needed[name] + _room(needed, width))
    table = Table.grid(padding=(0, GAP, 0, 0))
    for cells in needed.values():
        table.add_column(width=cells, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(row[name] for name in needed))
    return table


def _room(needed: dict[str, int], width: int) -> int:
    return width - sum(needed.values()) - GAP * (len(needed) - 1)


def _width(part: Text | ProgressBar) -> int:
    return part.cell_len if isinstance(part, Text) else part.width or BAR
