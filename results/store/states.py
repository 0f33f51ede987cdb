"""How a cell and its scores ended: one answer for every reader of a store.

Scores are wanted of cells with the status ``ok``.  In the order of looking:

====================================  =========  ===================================================
the store holds                       outcome    why
====================================  =========  ===================================================
no record                             ``todo``   a missing score or cell is computed by the next run
a damaged record                      ``todo``   a run sets it aside and computes it again
the record of another cell or score   ``todo``   the same: its number stands in the wrong place
a record of an unknown version        an error   a later ecgbench can read it; nobody
                                                 overwrites it, and nobody guesses its number
a score of other windows              ``todo``   it says nothing about the windows of this cell
an ``ok`` score without a number      ``failed``  nobody can compare it: none, beyond `MOST`, or out
                                                 of the metric's bounds
any other record                      its own    ``ok``, ``skipped`` or ``failed``
====================================  =========  ===================================================

A skipped or failed cell is ``skipped`` or ``failed``, whatever its scores.  Else it is ``todo``
if a wanted score is, ``failed`` if one failed, and ``done`` otherwise: a skipped score costs nothing.  A
cell is ``running`` if it is ``todo`` and a run holds its lease; only a reader of leases can say so.

Damaged windows change no outcome.  A record tells how a cell ended, and `ecgbench.results.store.store.Store.damage`
alone reads the other files (``ecgbench run --verify``, ``export`` and ``merge``).  If a run needs the
windows, it finds the damage, sets the cell aside, and computes it again.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ecgbench.contracts.errors import DamagedError
from ecgbench.results.store.records import (
    MOST,
    SCHEMA,
    CellId,
    CellRecord,
    MetricRecord,
    ScoreRecord,
    is_sealed,
)
from ecgbench.results.store.store import (
    check_cell_place,
    check_score_place,
    content_of,
    decode,
    read_sealed,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ecgbench.results.store.store import Store

Outcome = Literal["ok", "skipped", "failed", "todo"]
State = Literal["todo", "done", "failed", "skipped"]
Bounds = tuple[float | None, float | None]

DAMAGED = "its record is damaged; ecgbench run makes it again"
NOT_RUN = "not run yet"
NOT_SCORED = "not scored yet"
OTHER_WINDOWS = "its score is of other windows; ecgbench run computes it again"

OF_THIS_SCHEMA = b'\n "schema": %d,\n' % SCHEMA
STATUS = b'\n "status": "'
SYNTHETIC = b'\n "synthetic": "'
VALUE = b'\n "value": '
CELL = b'\n "cell": "'
CELL_ID, METRIC, END = b'\n "cell": {', b'\n "metric": {', b"\n },\n"
"""Members of a record as `encode` writes them; one space stands before members of the top level alone."""


class CellOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a cell.

    Attributes:
        status: ``ok``, ``skipped``, ``failed`` or ``todo``.
        reason: why it is not ``ok``.
        record: None if it is ``todo``.
        seal: of the record.
        damage: of the record's file; None for a sound one.
    """

    status: Outcome
    reason: str = ""
    record: CellRecord | None = None
    seal: str = ""
    damage: DamagedError | None = None


class ScoreOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a score.

    Attributes:
        status: ``ok``, ``skipped``, ``failed`` or ``todo``.
        reason: why it is not ``ok``.
        record: None if it is ``todo``; with the same status and reason.
        seal: of the record; a score of other windows has one too.
        damage: of the record's file, or its being of other windows; None for one of these windows.
    """

    status: Outcome
    reason: str = ""
    record: ScoreRecord | None = None
    seal: str = ""
    damage: DamagedError | None = None


def cell_outcome(store: Store, name: str) -> CellOutcome:
    """Return the outcome of a cell, by its name.

    Raises:
        StoreError: its record cannot be read, or is of an unknown version.
    """
    file = store.folder(name) / "cell.json"
    try:
        read = read_sealed(file, CellRecord)
        if read is None:
            return CellOutcome("todo", NOT_RUN)
        record, seal = read
        check_cell_place(record, name, file)
    except DamagedError as error:
        return CellOutcome("todo", DAMAGED, damage=error)
    return CellOutcome(record.status, record.reason, record, seal)


def score_outcome(
    file: Path | str, cell: CellRecord, metric: MetricRecord | None = None
) -> ScoreOutcome:
    """Return the outcome of a score of an ``ok`` cell.

    Args:
        file: of the score's record (`ecgbench.results.store.store.Store.score_file`).
        cell: the record of the cell.
        metric: with its bounds; None for those of the record.

    Raises:
        StoreError: the record cannot be read, or is of an unknown version.
    """
    try:
        read = read_sealed(file, ScoreRecord)
        if read is None:
            return ScoreOutcome("todo", NOT_SCORED)
        record, seal = read
        check_score_place(record, cell.cell.name, file)
    except DamagedError as error:
        return ScoreOutcome("todo", DAMAGED, damage=error)
    if record.synthetic != cell.synthetic:
        damage = DamagedError(Path(file), "it is of other windows")
        return ScoreOutcome("todo", OTHER_WINDOWS, seal=seal, damage=damage)
    bounds = (metric or record.metric).bounds
    if record.status == "ok" and (why := no_number(record.value, bounds)):
        record = msgspec.structs.replace(record, status="failed", reason=why, value=None)
    return ScoreOutcome(record.status, record.reason, record, seal)


def stored_scores(store: Store, cell: CellRecord) -> dict[str, ScoreOutcome]:
    """Return the outcomes of all stored scores of a cell, by the names of their files."""
    return {file.stem: score_outcome(file, cell) for file in store.score_files(cell.cell.name)}


def state(cell: CellOutcome, scores: Iterable[ScoreOutcome]) -> State:
    """Return the state of a cell with its wanted scores."""
    if cell.status != "ok":
        return cell.status
    return _joined(score.status for score in scores)


def _joined(statuses: Iterable[Outcome]) -> State:
    """Return the state of an ``ok`` cell; look at no status after the first ``todo``."""
    has_failed = False
    for status in statuses:
        if status == "todo":
            return "todo"
        has_failed |= status == "failed"
    return "failed" if has_failed else "done"


def no_number(value: float | None, bounds: Bounds) -> str:
    """Return why the value of an ``ok`` score cannot be compared; empty if it can."""
    if value is None:
        return "its record holds no number"
    if not abs(value) <= MOST:
        return f"its value, {value:.3g}, is beyond {MOST:g}"
    low, high = bounds
    slack = 1e-6 * max(1.0, abs(value))
    if (low is not None and value < low - slack) or (high is not None and value > high + slack):
        return f"its value, {value:.6g}, is out of the metric's bounds"
    return ""


def forget_failed(store: Store, cell: str, metrics: Iterable[MetricRecord]) -> None:
    """Remove the failed ones among the wanted scores of a cell; a run computes them again."""
    record = cell_outcome(store, cell).record
    if record is None or record.status != "ok":
        return
    for metric in metrics:
        file = store.score_file(cell, metric)
        if score_outcome(file, record, metric).status == "failed":
            file.unlink(missing_ok=True)


# --- of a hundred thousand cells in seconds --------------------------------------------------------


def quick_state(
    folder: str, wanted: Mapping[str, Bounds], damaged: list[str] | None = None
) -> State:
    """Return the same as `state`, without decoding records.

    Args:
        folder: of the cell.
        wanted: the bounds of each wanted score's metric, by the name of the score's file.
        damaged: is given the first damaged record.

    Raises:
        StoreError: a record cannot be read, or is of an unknown version.
    """
    try:
        name = "/".join(folder.rsplit("/", 3)[1:])
        cell = _glance(folder, "cell.json", name, CellRecord)
        if cell is None:
            return "todo"
        status, synthetic, _ = cell
        if status != "ok":
            return status
        return _joined(
            _quick_outcome(folder, file, name, synthetic, bounds) for file, bounds in wanted.items()
        )
    except DamagedError as error:
        if damaged is not None:
            damaged.append(str(error.file))
        return "todo"


def _quick_outcome(folder: str, file: str, cell: str, synthetic: str, bounds: Bounds) -> Outcome:
    score = _glance(f"{folder}/scores", file, cell, ScoreRecord)
    if score is None or score[1] != synthetic:
        return "todo"
    status, _, value = score
    return "failed" if status == "ok" and no_number(value, bounds) else status


def _glance(
    folder: str, file: str, cell: str, kind: type[CellRecord | ScoreRecord]
) -> tuple[Literal["ok", "skipped", "failed"], str, float | None] | None:
    """Return status, digest of the windows and value of a record, None if there is none.

    Bytes with a sound seal, in the place that they name, are those of the writer.  All others are decoded,
    and raise the usual error.
    """
    path = f"{folder}/{file}"
    content = content_of(path)
    if content is None:
        return None
    if OF_THIS_SCHEMA in content and is_sealed(content):
        status = _member(content, STATUS)
        if status in {b"ok", b"skipped", b"failed"} and _place(content, kind) == (cell, file):
            with suppress(ValueError):
                value = _value(content) if kind is ScoreRecord else None
                return status.decode(), _member(content, SYNTHETIC).decode(), value  # type: ignore[return-value]
    record = decode(content, kind, path)
    if isinstance(record, CellRecord):
        check_cell_place(record, cell, path)
        return record.status, record.synthetic, None
    check_score_place(record, cell, path)
    return record.status, record.synthetic, record.value


def _value(content: bytes) -> float | None:
    text = content[content.rfind(VALUE) + len(VALUE) :].partition(b"\n")[0].rstrip(b",")
    return None if text == b"null" else float(text)


def _place(content: bytes, kind: type[CellRecord | ScoreRecord]) -> tuple[str, str]:
    """Return the name of the cell and of the file that a sealed record names; empty if it names none."""
    try:
        if kind is CellRecord:
            return msgspec.json.decode(_object(content, CELL_ID), type=CellId).name, "cell.json"
        cell = content.find(CELL) + len(CELL)
        return content[cell : content.find(b'"', cell)].decode(), _file_of(_object(content, METRIC))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", ""


@lru_cache(maxsize=10_000)
def _file_of(metric: bytes) -> str:
    """Return the file of a metric; a store holds few metrics and many scores."""
    return msgspec.json.decode(metric, type=MetricRecord).file


def _object(content: bytes, at: bytes) -> bytes:
    place = content.find(at)
    return content[place + len(at) - 1 : content.find(END, place) + 3] if place >= 0 else b""


def _member(content: bytes, at: bytes) -> bytes:
    place = content.rfind(at)
    return content[place + len(at) : content.find(b'"', place + len(at))] if place >= 0 else b""


def with_lease(of: State, cell: str, working: Collection[str]) -> State | Literal["running"]:
    """Return the state of a cell for a reader of leases.

    Args:
        of: the state by the records.
        cell: its name.
        working: cells with a held lease (`ecgbench.results.store.lease.owners`).
    """
    return "running" if of == "todo" and cell in working else of
