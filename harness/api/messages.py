"""Messages of a run, for the callback ``on_progress``.  The text of a message is its ``str()``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecgbench.harness.cell import messages
from ecgbench.results.store.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ecgbench.harness.cell.messages import Told
    from ecgbench.harness.planning.plan import Cell


@dataclass(frozen=True, kw_only=True)
class Message:
    """The base of all messages."""


@dataclass(frozen=True, kw_only=True)
class Notice(Message):
    """A sentence for the reader: a plugin problem, a warning of the plan, a remark on windows.

    Attributes:
        level: ``"problem"``, ``"warning"``, ``"note"`` or ``"damaged"``; empty for plain information.
        text: the sentence.
    """

    level: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.text}" if self.level else self.text


@dataclass(frozen=True, kw_only=True)
class Fetching(Message):
    """A download goes on.

    Attributes:
        dataset: its name.
        done: files on disk so far.
        total: files in all; None before the list of files has come.
        received: bytes so far.
        folder: the dataset's folder, at the end; before, None.
    """

    dataset: str
    done: int = 0
    total: int | None = None
    received: int = 0
    folder: Path | None = None

    def __str__(self) -> str:
        return f"fetching {self.dataset}: {self.done}/{self.total or '?'} files"


@dataclass(frozen=True, kw_only=True)
class Reading(Message):
    """A dataset is read into the cache.

    Attributes:
        dataset: its name.
    """

    dataset: str

    def __str__(self) -> str:
        return f"reading {self.dataset} …"


@dataclass(frozen=True, kw_only=True)
class CellMessage(Message):
    """The base of all messages about one cell.

    Attributes:
        cell: its full name, ``dataset/generator/seed-N-KEY``.
    """

    cell: str


@dataclass(frozen=True, kw_only=True)
class CellStarted(CellMessage):
    """A cell begins."""

    def __str__(self) -> str:
        return f"started: {self.cell}"


@dataclass(frozen=True, kw_only=True)
class CellProgress(CellMessage):
    """A cell is on its way.

    Attributes:
        progress: stage, step, total steps, reported values, memory in bytes, processor seconds.
    """

    progress: Progress

    def __str__(self) -> str:
        now = self.progress
        step = "" if now.step is None else f" {now.step}/{now.total or '?'}"
        return f"{self.cell}: {now.stage}{step}"


@dataclass(frozen=True, kw_only=True)
class ScoreEnded(CellMessage):
    """A metric of a cell has ended.

    Attributes:
        metric: its name.
        status: ``"ok"``, ``"skipped"`` or ``"failed"``.
        reason: why it is not ``ok``.
        value: the score; None unless ``ok``.
    """

    metric: str
    status: str
    reason: str = ""
    value: float | None = None

    def __str__(self) -> str:
        said = self.reason if self.value is None else f"{self.value:.4g}"
        return f"{self.cell}: {self.metric} {self.status}: {said}"


@dataclass(frozen=True, kw_only=True)
class CellNote(CellMessage):
    """A remark on a cell: odd windows, or a damaged file that is made again.

    Attributes:
        text: the remark.
    """

    text: str

    def __str__(self) -> str:
        return f"note: {self.cell}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class CellEnded(CellMessage):
    """A cell has ended.

    Attributes:
        state: ``"done"``, ``"failed"``, ``"skipped"``, or ``"todo"`` if it was left.
        reason: why it is not ``done``.
    """

    state: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.state}: {self.cell}{': ' if self.reason else ''}{self.reason}"


@dataclass(frozen=True, kw_only=True)
class Waiting(Message):
    """Other runs work on all the cells that are left.

    Attributes:
        cells: their full names.
    """

    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"waiting for {len(self.cells)} cells of other runs"


Tell = Callable[[Message], object]
"""Receives messages."""


def silent(message: Message) -> None:
    """Ignore a message."""


@dataclass
class Callback:
    """Turns the engine's watch (`ecgbench.harness.engine.run.Watch`) into messages.

    Args:
        tell: receives them, in the thread of the caller.
    """

    tell: Tell
    _progress: dict[str, Progress] = field(default_factory=dict)

    def cell_started(self, cell: Cell) -> None:
        """Tell about the start of a cell."""
        self._progress[cell.id.name] = Progress(began=0.0)
        self.tell(CellStarted(cell=cell.id.name))

    def message(self, cell: Cell, message: Told) -> None:
        """Tell about a message of a cell."""
        name = cell.id.name
        match message:
            case messages.ScoreEnded(metric=metric, status=status, reason=reason, value=value):
                score = ScoreEnded(
                    cell=name, metric=metric, status=status, reason=reason, value=value
                )
                self.tell(score)
            case messages.Note(text=text) | messages.SetAside(reason=text):
                self.tell(CellNote(cell=name, text=text))
            case messages.CellEnded():
                pass  # `cell_ended` says the same
            case _:
                self._progress[name] = self._progress[name].after(message)
                self.tell(CellProgress(cell=name, progress=self._progress[name]))

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        """Tell about the end of a cell."""
        self._progress.pop(cell.id.name, None)
        reason = cell.reason or failure or ""
        self.tell(CellEnded(cell=cell.id.name, state=cell.state, reason=reason))

    def waiting(self, cells: Sequence[Cell]) -> None:
        """Tell about cells of other runs."""
        self.tell(Waiting(cells=tuple(cell.id.name for cell in cells)))
