"""What a run tells while it works: live in a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ecgbench.results.progress import Progress
from ecgbench.results.render.text import number, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from ecgbench.harness.plan import Cell
    from ecgbench.harness.run import Watch

TELL_EVERY = 30.0
"""Seconds between two lines of a cell that takes long, where there is no terminal."""

REFRESH = 4
"""Times a second that the live display is drawn."""

BAR = 12
GAP = 2
LEAST = 12
"""Columns of the terminal: of a bar, between two columns, and of a column that gives way."""

SPARE = ("bar", "memory", "values", "elapsed", "left", "steps")
"""What a terminal that is too narrow does without, first to last."""

STYLES = {"done": "dim", "failed": "red", "skipped": "yellow", "todo": "yellow"}

Kind = tuple[str, str, int]
"""Dataset, generator and number of scores to compute: cells of one kind cost alike."""


@contextmanager
def watch(console: Console, count: int, *, as_json: bool) -> Iterator[Watch]:
    """What watches a run, and draws it as long as it is open.

    Args:
        console: to print on.
        count: cells that are to be worked through.
        as_json: tell events on standard output and leave the console alone.
    """
    if as_json:
        events = _Json(count)
        events.begin()
        try:
            yield events
        finally:
            events.end()
    elif console.is_terminal and not console.is_dumb_terminal:
        live = _Live(console, count)
        with live.display:
            yield live
    else:
        yield _Plain(console, count)


@dataclass
class Running:
    """A cell that runs, as its messages tell.

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
    """Which cells of a run work and how far they are, how the others ended, and what is left.

    One thread writes while another reads: what is gone through is copied by ``list``, at once.

    Args:
        count: cells that are to be worked through.
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

    def take(self, cell: Cell, message: tuple[Any, ...]) -> Running:
        """Note what a cell has sent."""
        running = self.running[cell.id.name]
        match message:
            case ("stage", stage):
                running.since = monotonic()
                # another object, for the display may be reading this one
                running.progress = Progress(
                    began=running.began, stage=stage, memory=running.progress.memory
                )
            case ("log", step, total, values):
                running.progress = msgspec.structs.replace(
                    running.progress, step=step, total=total, values=values
                )
            case ("usage", memory, cpu_seconds):
                running.progress = msgspec.structs.replace(
                    running.progress, memory=memory, cpu_seconds=cpu_seconds
                )
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
        """How many cells ended in which state."""
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


class _Lines:
    """Prints what stays: which cells ended and how, and each failure with its reason."""

    def __init__(self, console: Console, count: int) -> None:
        self.console = console
        self.tally = Tally(count)

    def cell_started(self, cell: Cell) -> None:
        self.tally.begin(cell)

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
        running = self.tally.take(cell, message)
        match message:
            case ("cell", ("failed" | "skipped") as status, reason):
                running.told = True
                self._say(f"{status}: {running.name}: {reason}", STYLES[status])
            case ("score", metric, "failed", reason, _):
                running.told = True
                self._say(f"failed: {running.name}: {metric}: {reason}", STYLES["failed"])
            case ("aside", reason):
                self._say(f"damaged: {running.name}: {reason}", STYLES["failed"])

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        running = self.tally.end(cell)
        how = f"in {duration(monotonic() - running.began)}" if running.ours else "by another run"
        reason = "" if running.told and not failure else cell.reason or failure or ""
        state = "left" if cell.state == "todo" else cell.state
        text = f"{state}: {running.name} {how}{': ' if reason else ''}{reason}"
        self._say(text, STYLES[cell.state])

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(plain(text), style=style), soft_wrap=not self.console.is_terminal)


class _Plain(_Lines):
    """A line for each event and, of a cell that takes long, now and then how far it has come."""

    def cell_started(self, cell: Cell) -> None:
        running = self.tally.begin(cell)
        if running.ours:
            self._say(f"{running.place}/{self.tally.count} {cell.id.name}")

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
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
        self._say(_waiting(len(cells)))


class _Live(_Lines):
    """A block below the lines: all cells, then a line for each that runs, as many as there is room."""

    def __init__(self, console: Console, count: int) -> None:
        super().__init__(console, count)
        self.with_others = 0
        self.display = Live(
            console=console,
            get_renderable=self._block,
            refresh_per_second=REFRESH,
            transient=True,
        )

    def cell_started(self, cell: Cell) -> None:
        super().cell_started(cell)
        self.with_others = 0

    def waiting(self, cells: Sequence[Cell]) -> None:
        self.with_others = len(cells)

    def _block(self) -> RenderableType:
        # one line is left to what has been printed last
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
            note = _waiting(self.with_others)
        if note and room:
            block.append(Text(note, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*block)

    def _total(self) -> dict[str, Text | ProgressBar]:
        ended, left = self.tally.ended(), self.tally.left()
        done = ended.total()
        failed = f"{ended['failed']} failed" if ended["failed"] else ""
        # less than a second says that cells take longer than those before them
        about = f"about {duration(left)} left" if left is not None and left >= 1 else ""
        return {
            "name": Text("cells", style="bold"),
            "bar": ProgressBar(total=max(self.tally.count, 1), completed=done, width=2 * BAR),
            "steps": Text(f"{done}/{self.tally.count}"),
            "failed": Text(failed, style=STYLES["failed"]),
            "elapsed": Text(duration(monotonic() - self.tally.began)),
            "left": Text(about, style="dim"),
        }


class _Json:
    """One JSON object a line on standard output; ``docs/watching.md`` says which."""

    def __init__(self, count: int) -> None:
        self.tally = Tally(count)

    def begin(self) -> None:
        self._tell("begin", todo=self.tally.count)

    def end(self) -> None:
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
        self.tally.begin(cell)
        self._tell("cell-started", cell)

    def message(self, cell: Cell, message: tuple[Any, ...]) -> None:
        self.tally.take(cell, message)
        match message:
            case ("stage", stage):
                self._tell("stage", cell, stage=stage)
            case ("log", step, total, values):
                self._tell("step", cell, step=step, total=total, values=values)
            case ("usage", memory, cpu_seconds):
                self._tell("usage", cell, memory=memory, cpu_seconds=cpu_seconds)
            case ("aside", reason):
                self._tell("aside", cell, reason=reason)
            case ("score", metric, status, reason, value):
                told = {"metric": metric, "status": status, "reason": reason, "value": value}
                self._tell("score", cell, **told)
            case ("cell", status, reason):
                self._tell("cell", cell, status=status, reason=reason)

    def cell_ended(self, cell: Cell, failure: str | None) -> None:
        seconds = round(monotonic() - self.tally.end(cell).began, 3)
        reason = cell.reason or failure or ""
        self._tell("cell-ended", cell, state=cell.state, reason=reason, seconds=seconds)

    def waiting(self, cells: Sequence[Cell]) -> None:
        self._tell("waiting", cells=[cell.id.name for cell in cells])

    def _tell(self, event: str, cell: Cell | None = None, **fields: Any) -> None:
        told = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        if cell is not None:
            told["cell"] = cell.id.name
        click.echo(msgspec.json.encode(told | fields))  # it flushes


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(4.21), duration(9.98), duration(59.7), duration(75), duration(7500)
    ('4.2 s', '10 s', '1 min 0 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, whole = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {whole} s"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(size: int) -> str:
    """Bytes as a person says them; nothing for none.

    >>> memory(0), memory(300 * 2**20), memory(3 * 2**29)
    ('', '300 MiB', '1.5 GiB')
    """
    if not size:
        return ""
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def steps(progress: Progress) -> str:
    """The step and, where it is known, of how many; empty before the first."""
    if progress.step is None:
        return ""
    return f"{progress.step}" if progress.total is None else f"{progress.step}/{progress.total}"


def values(progress: Progress) -> str:
    """What the fit reported of its last step; a loss may be huge, or no number at all."""
    return ", ".join(
        f"{plain(name)} {number(value) if value is None or abs(value) < 1e6 else f'{value:.3g}'}"
        for name, value in progress.values.items()
    )


def _waiting(count: int) -> str:
    return f"waiting for {count} cell{'s' if count > 1 else ''} that other runs work on"


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
