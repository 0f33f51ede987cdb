"""Events for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ecgbench.contracts.plain import ascii_json
from ecgbench.harness.cell.messages import CellEnded, Note, ScoreEnded, SetAside
from ecgbench.harness.cli.progress.tally import Tally
from ecgbench.results.store.progress import Part, Stage, Step, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.planning.plan import Cell


class Events:
    """One JSON object a line on standard output; ``docs/watching.md`` lists them."""

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

    def message(self, cell: Cell, message: Told) -> None:
        """A cell has sent something."""
        self.tally.take(cell, message)
        match message:
            case Stage(stage):
                self._tell("stage", cell, stage=stage)
            case Part(part):
                self._tell("part", cell, part=part)
            case Step(step, total, values):
                self._tell("step", cell, step=step, total=total, values=values)
            case Usage(memory, cpu_seconds):
                self._tell("usage", cell, memory=memory, cpu_seconds=cpu_seconds)
            case Note(text):
                self._tell("note", cell, text=text)
            case SetAside(reason):
                self._tell("aside", cell, reason=reason)
            case ScoreEnded(metric, status, reason, value):
                told = {"metric": metric, "status": status, "reason": reason, "value": value}
                self._tell("score", cell, **told)
            case CellEnded(status, reason):
                self._tell("cell", cell, status=status, reason=reason)

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """A cell has ended."""
        seconds = round(monotonic() - self.tally.end(cell).began, 3)
        reason = cell.reason or failure or ""
        self._tell("cell-ended", cell, state=cell.state, reason=reason, seconds=seconds)

    def waiting(self, cells: Sequence[Cell]) -> None:
        """Tell that other runs work on all other cells."""
        self._tell("waiting", cells=[cell.id.name for cell in cells])

    def _tell(self, event: str, cell: Cell | None = None, **fields: Any) -> None:
        told = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        if cell is not None:
            told["cell"] = cell.id.name
        click.echo(ascii_json(msgspec.json.encode(told | fields)))  # it flushes
