"""How far a run is, for whatever draws it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ecgbench.results.store.progress import Progress, Stage

if TYPE_CHECKING:
    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.planning.plan import Cell

Kind = tuple[str, str, int]
"""Dataset, generator and number of scores to compute: cells of one kind cost alike."""


@dataclass
class Running:
    """A running cell, from its messages.

    Attributes:
        name: without the key.
        place: among the cells of the run, from 1.
        kind: of the cell.
        began: when, by the monotonic clock.
        since: when its stage began.
        ours: whether it works in this run; else another has ended it meanwhile.
        progress: how far it has come.
        told: whether why it failed, or was skipped, has been said.
        spoke: when a line was last printed of how far it has come.
    """

    name: str
    place: int
    kind: Kind
    began: float
    since: float
    ours: bool
    progress: Progress
    told: bool = False
    spoke: float = 0.0


class Tally:
    """The running cells of a run with their progress, how the others ended, and the remaining ones.

    One thread writes while another reads: ``list`` copies a collection at once before a loop.

    Args:
        count: cells to work through.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.began = monotonic()
        self.running: dict[str, Running] = {}
        self._places: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._spent: dict[Kind, tuple[int, float]] = {}

    def begin(self, cell: Cell) -> Running:
        """Follow a cell."""
        now, name = monotonic(), cell.id.name
        dataset, generator = cell.id.dataset.name, cell.id.generator.name
        self.running[name] = Running(
            name=f"{dataset}/{generator}/seed-{cell.id.seed}",
            place=self._places.setdefault(name, len(self._places) + 1),
            kind=(dataset, generator, len(cell.missing)),
            began=now,
            since=now,
            spoke=now,
            ours=cell.state == "todo",
            progress=Progress(began=now),
        )
        return self.running[name]

    def take(self, cell: Cell, message: Told) -> Running:
        """Note a message of a cell."""
        running = self.running[cell.id.name]
        if isinstance(message, Stage):
            running.since = monotonic()
        # another object, for the display may be reading this one
        running.progress = running.progress.after(message)
        return running

    def end(self, cell: Cell) -> Running:
        """Leave a cell; its state counts, unless it is ``todo``."""
        running = self.running.pop(cell.id.name)
        self._states[cell.id.name] = cell.state
        if running.ours and cell.state != "todo":
            cells, seconds = self._spent.get(running.kind, (0, 0.0))
            self._spent[running.kind] = cells + 1, seconds + monotonic() - running.began
        return running

    def ended(self) -> Counter[str]:
        """Return the number of ended cells by state."""
        ended = Counter(list(self._states.values()))
        del ended["todo"]
        return ended

    def left(self) -> float | None:
        """Seconds until all cells will have ended; None while nothing tells."""
        running = list(self.running.values())
        if not running or not self._spent:
            return None
        means = {kind: seconds / cells for kind, (cells, seconds) in list(self._spent.items())}
        # over kinds, not over cells: the cheap ones come first, and would make all look cheap
        overall = sum(means.values()) / len(means)
        now = monotonic()
        rest = [max(0.0, means.get(r.kind, overall) - (now - r.began)) for r in running]
        untouched = max(0, self.count - self.ended().total() - len(running))
        return max(*rest, (sum(rest) + untouched * overall) / len(running))
