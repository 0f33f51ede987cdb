"""Keeps finished boards beside the records of a store, and returns one while nothing behind it has changed.

``<store>/index/<board>`` is a line and a board as JSON.  The line is the SHA-256 of this JSON and of all
that made the board: its plans, the facts of the installed plugins, the standings of merged results, the code
of boards, the machine and its libraries, and the identity of each file (size, times of change, inode).  If
anything of this differs, the board is made from the records again.  So the index is no second truth; it is
safe to delete.

Damage without a new time of change, of a failing disk for instance, is not seen here.  ``ecgbench run
--verify``, ``export`` and ``merge`` read all bytes, and find it.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

import ecgbench
from ecgbench.contracts.errors import StoreError
from ecgbench.environment import environment
from ecgbench.results.board.table import Board
from ecgbench.results.store.store import content_of, sha256, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.exchange.provenance import Origins
    from ecgbench.results.store.store import Store

FRESH = 2.0
"""Seconds until a file's next change surely has another time: some file systems count in whole seconds."""


class Index:
    """The kept boards of a store.

    Args:
        store: holds the records.
        catalogue: facts of the installed plugins.
        known: the origins of all that was made elsewhere.
    """

    def __init__(self, store: Store, catalogue: Catalogue, known: Origins) -> None:
        self._store = store
        self._of_all = _digest(
            [*map(list, catalogue.metrics.items())],
            catalogue.references,
            [*map(list, catalogue.named_terms.items())],
            known.standings,
            known.cells,
            environment(),
            _code(),
        )

    def place(self, group: list[BoardPlan]) -> Place:
        """Return the place of a board, by its plans; look at its files as they are now."""
        plan, dataset, _ = group[0]
        files = _Files(self._store.path)
        with suppress(OSError):
            files.look_at(dataset.name, _cells(group))
        return Place(
            file=self._store.path / "index" / f"{plan.board_key}-{dataset.key}",
            made_from=_digest(self._of_all, [*map(list, group)], files.digest.hexdigest()),
            is_settled=files.is_complete and files.newest < time.time() - FRESH,
        )


class Place(NamedTuple):
    """The place of one board in the index.

    Attributes:
        file: holds the board, or may hold it.
        made_from: SHA-256 of all that makes the board.
        is_settled: whether each later change of a file will show in its identity.
    """

    file: Path
    made_from: str
    is_settled: bool

    def board(self) -> Board | None:
        """Return the board; None if it is not kept, or something behind it has changed."""
        with suppress(StoreError, msgspec.MsgspecError, ValueError, RecursionError):
            seal, _, content = (content_of(self.file) or b"").partition(b"\n")
            if seal == self._seal(content):
                return msgspec.json.decode(content, type=Board)
        return None

    def keep(self, board: Board) -> None:
        """Keep a board, made after this place was asked for; do nothing if it cannot be kept."""
        if not self.is_settled:
            return
        with suppress(StoreError, msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            content = msgspec.json.encode(board)
            back = msgspec.json.decode(content, type=Board)
            # JSON has no NaN, and a whole number may come back as another type of number
            if back == board and msgspec.json.encode(back) == content:
                write(self.file, self._seal(content) + b"\n" + content)

    def _seal(self, content: bytes) -> bytes:
        return sha256(self.made_from.encode() + content).encode()


def _digest(*told: object) -> str:
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


def _cells(group: Iterable[BoardPlan]) -> Iterable[str]:
    """Return the names of all cells that a board may show, each once."""
    return dict.fromkeys(
        cell.name
        for plan, dataset, _ in group
        for cell in plan.cells
        if plan.datasets[cell.dataset].key == dataset.key
    )


class _Files:
    """The identities of files below a folder.

    Attributes:
        digest: of them.
        newest: the latest time of a change, seconds since 1970.
        is_complete: whether all have been looked at.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digest = hashlib.sha256()
        self.newest = 0.0
        self.is_complete = False

    def look_at(self, dataset: str, cells: Iterable[str]) -> None:
        """Look at the records of cells and their scores, and at a dataset's audits."""
        self._add(f"audit/verdicts/{dataset}", _inside(f"{self.folder}/audit/verdicts/{dataset}"))
        for cell in cells:
            at = f"{self.folder}/cells/{cell}"
            self._add(cell, [*_record(f"{at}/cell.json"), *_inside(f"{at}/scores")])
        self.is_complete = True

    def _add(self, name: str, found: list[tuple[str, os.stat_result]]) -> None:
        found.sort()
        told = [(n, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for n, s in found]
        self.digest.update(repr((name, told)).encode("utf-8", "surrogateescape"))
        times = (max(s.st_mtime, s.st_ctime) for _, s in found)
        self.newest = max(self.newest, *times, 0.0)


def _record(file: str) -> Iterator[tuple[str, os.stat_result]]:
    with suppress(FileNotFoundError):
        yield "cell.json", os.stat(file)  # noqa: PTH116 - of a hundred thousand files


def _inside(folder: str) -> list[tuple[str, os.stat_result]]:
    """Return name and identity of each file in a folder; none if there is no folder."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return []
    with entries:
        return [(entry.name, entry.stat()) for entry in entries]


@cache
def _code() -> str:
    """Return the SHA-256 of the package's code, plugins excepted: no version speaks for an edited file."""
    digest = hashlib.sha256()
    package = Path(ecgbench.__file__).parent
    for folder in ("contracts", "results"):
        for file in sorted((package / folder).rglob("*.py")):
            digest.update(repr((file.name, file.read_bytes())).encode())
    return digest.hexdigest()
