"""Events for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ecgbench.contracts.plain import ascii_json
from ecgbench.harness.cli.progress.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.harness.planning.plan import Cell


class Events:
    """One JSON object a line on standard output; ``docs/watching.md`` says which."""

    def __init__(self, count: int) -> None:
        self.tally = Tally(count)

    def begin(self) -> None:
        """The run begins."""
        self._tell("begin", todo=self.tally.count)

    def end(self) -> None:
        """The run has ended, however."""
        ended = self.tally.ended()
        self._tell(
            "end",
            done=ended["done"],
            failed=ended["failed"],
            skipped=ended["skipped"],
            todo=self.tally.count - ended.total(),
            seconds=round(monotonic() - self.tally.began, 3),
        )

    def cell_started(self, cell: Cell) -> None:
        """A cell is begun."""
        self.tally.begin(cell)
        self._tell("cell-started", cell)

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
        """A cell has sent something."""
        self.tally.take(cell, message)
        match message:
            case ("stage", stage):
                self._tell("stage", cell, stage=stage)
            case ("part", part):
                self._tell("part", cell, part=part)
            case ("log", step, total, values):
                self._tell("step", cell, step=step, total=total, values=values)
            case ("usage", memory, cpu_seconds):
                self._tell("usage", cell, memory=memory, cpu_seconds=cpu_seconds)
            case ("note", text):
                self._tell("note", cell, text=text)
            case ("aside", reason):
                self._tell("aside", cell, reason=reason)
            case ("score", metric, status, reason, value):
                told = {"metric": metric, "status": status, "reason": reason, "value": value}
                self._tell("score", cell, **told)
            case ("cell", status, reason):
                self._tell("cell", cell, status=status, reason=reason)

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """A cell has ended."""
        seconds = round(monotonic() - self.tally.end(cell).began, 3)
        reason = cell.reason or failure or ""
        self._tell("cell-ended", cell, state=cell.state, reason=reason, seconds=seconds)

    def waiting(self, cells: Sequence[Cell]) -> None:
        """All that is left is with other runs."""
        self._tell("waiting", cells=[cell.id.name for cell in cells])

    def _tell(self, event: str, cell: Cell | None = None, **fields: Any) -> None:
        told = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        if cell is not None:
            told["cell"] = cell.id.name
        click.echo(ascii_json(msgspec.json.encode(told | fields)))  # it flushes
