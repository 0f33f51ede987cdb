"""Makes an archive of the cells of a store, without the parts that must stay (docs/exchange.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ecgbench.contracts.errors import EcgbenchError, StoreError, UsageError, suggest
from ecgbench.environment import environment
from ecgbench.results.exchange.archive import limit, pack
from ecgbench.results.exchange.plans import cut_plan
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.exchange.sound import check_cell, check_score, check_windows
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.records import CURVE, CellRecord, ScoreRecord, digest_of, encode, now
from ecgbench.results.store.store import content_of, sha256
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.results.store.records import DatasetRecord
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track

    MayLeave = Callable[[DatasetRecord], bool]
    """Tells whether real windows of a dataset may be redistributed."""

    RealRows = Callable[[DatasetRecord, NDArray[np.float32]], NDArray[np.int64]]
    """Given a dataset and windows, finds the equal real ones: their rows, −1 for none.

    It raises an `EcgbenchError` with the reason if it cannot tell.
    """

Finished = TypeVar("Finished", CellRecord, ScoreRecord)

FOLDERS = re.compile(r"(?<![\w./])(?:/[^\s/'\":;,()]+)+/")
"""The folders of a path in an error's message; they hold users' names."""


@dataclass(frozen=True)
class Withheld:
    """A part of a cell outside the archive.

    Attributes:
        cell: the cell's name.
        part: the missing part.
        reason: why it is missing.
        damaged: whether damage is the reason.
    """

    cell: str
    part: str
    reason: str
    damaged: bool = False


@dataclass(frozen=True)
class Exported:
    """The contents of an archive.

    Attributes:
        cells: their names.
        scores: their number.
        plans: their number.
        withheld: the missing parts.
    """

    cells: tuple[str, ...]
    scores: int
    plans: int
    withheld: tuple[Withheld, ...]


def choose(store: Store, cells: Sequence[str], dataset: str | None) -> list[str]:
    """Return the full names of a user's choice of cells; without a choice, of all.

    Raises:
        UsageError: the store is empty, or has no such cell.
    """
    known = list(store.cell_names())
    if not known:
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another"
        )
    named = sorted({store.find(cell) for cell in cells}) if cells else known
    chosen = [name for name in named if dataset in (None, name.partition("/")[0])]
    if not chosen:
        datasets = {name.partition("/")[0] for name in named}
        raise UsageError(
            f"no such cell is of dataset {dataset!r}; {suggest(str(dataset), datasets)}"
        )
    return chosen


def export(
    store: Store,
    cells: Sequence[str],
    file: Path,
    may_leave: MayLeave,
    real_rows: RealRows,
    who: str = "",
    track: Track = untracked,
    *,
    records_only: bool = False,
) -> Exported:
    """Make an archive of cells, with the plans of their boards.

    If a dataset may not be redistributed, pictures stay here. Synthetic windows stay too, unless a
    comparison finds no real one among them.

    Args:
        store: read only.
        cells: full names.
        file: the archive to write.
        may_leave: called once for each cell.
        real_rows: called for the windows of each cell, if its dataset may not leave.
        who: the maker, in their own words.
        track: told the progress.
        records_only: leave out all windows and pictures; the records hold the windows' digests.

    Raises:
        StoreError: the store cannot be read, or the archive cannot be written.
    """
    contents = _Contents(store, may_leave, real_rows, records_only=records_only)
    for name in track(cells, "reading"):
        contents.add(name)
    known = origins(store)
    plans = {
        digest_of(cut): cut
        for plan in (*store.plans(), *known.trusted_plans, *known.plans)
        if (cut := cut_plan(plan, contents.cells))
    }
    for digest, plan in plans.items():
        contents.files[f"plans/{plan.board_key}/{digest}.json"] = encode(plan)
    pack(file, contents.files, who=who, when=now(), environment=environment(), track=track)
    withheld = tuple(contents.withheld)
    return Exported(tuple(contents.cells), contents.scores, len(plans), withheld)


class _Contents:
    """The files of an archive in the making."""

    def __init__(
        self, store: Store, may_leave: MayLeave, real_rows: RealRows, *, records_only: bool
    ) -> None:
        self.store = store
        self.records_only = records_only
        self.may_leave = may_leave
        self.real_rows = real_rows
        self.files: dict[str, bytes | Path] = {}
        self.cells: dict[str, None] = {}
        self.scores = 0
        self.withheld: list[Withheld] = []

    def add(self, name: str) -> None:
        """Add a cell with its scores, as far as they are sound and may leave."""
        folder = self.store.folder(name)
        try:
            digests = _digests(folder)
            record = check_cell(_read(folder / "cell.json"), name, digests)
            if record.synthetic_file:
                check_windows(_read(folder / "synthetic.npz"), record)
        except StoreError as error:
            self._withhold(name, "the cell", str(error), damaged=True)
            return
        by_file = self._sound_scores(name, record, digests)
        if record.model:
            self._withhold(name, "the fitted model", "archives hold no models")
            record = msgspec.structs.replace(record, model={})
        if self.records_only:
            record = msgspec.structs.replace(record, stored=False, synthetic_file="", artefacts={})
            by_file = _without_artefacts(by_file)
        elif not self.may_leave(record.cell.dataset):
            record, by_file = self._without_pictures(record, by_file)
            reason = self._why_windows_stay(record)
            if reason:
                self._withhold(name, "synthetic windows", reason)
                record = msgspec.structs.replace(record, stored=False, synthetic_file="")
        files: dict[str, bytes | Path] = {"cell.json": encode(_without_folders(record))}
        if record.synthetic_file:
            files["synthetic.npz"] = folder / "synthetic.npz"
        for file, score in by_file.items():
            files[f"scores/{file}"] = encode(_without_folders(score))
        names = _artefacts(record, by_file.values())
        files |= {f"artefacts/{artefact}": folder / "artefacts" / artefact for artefact in names}
        contents = {f"cells/{name}/{path}": content for path, content in files.items()}
        if large := [path for path, content in contents.items() if _is_too_large(path, content)]:
            self._withhold(name, "the cell", f"{large[0]} is too large", damaged=True)
            return
        self.files |= contents
        self.cells[name] = None
        self.scores += len(by_file)

    def _withhold(self, cell: str, part: str, reason: str, *, damaged: bool = False) -> None:
        self.withheld.append(Withheld(cell, part, reason, damaged))

    def _sound_scores(
        self, name: str, record: CellRecord, digests: dict[str, str]
    ) -> dict[str, ScoreRecord]:
        """Return the scores of a cell by the names of their files."""
        scores = {}
        for file in self.store.score_files(name):
            try:
                scores[file.name] = check_score(_read(file), file.name, name, record, digests)
            except StoreError as error:
                self._withhold(name, "a score", str(error), damaged=True)
        return scores

    def _without_pictures(
        self, record: CellRecord, scores: dict[str, ScoreRecord]
    ) -> tuple[CellRecord, dict[str, ScoreRecord]]:
        """Return the records without artefacts, for pictures may show real windows."""
        curve = {n: digest for n, digest in record.artefacts.items() if n == CURVE}
        pictures = ["pictures"] * (record.artefacts.keys() != curve.keys())
        pictures += [name for score in scores.values() for name in score.artefacts]
        if pictures:
            reason = f"{record.cell.dataset.name} may not be redistributed, as far as is known here"
            self._withhold(record.cell.name, ", ".join(pictures), reason)
        return msgspec.structs.replace(record, artefacts=curve), _without_artefacts(scores)

    def _why_windows_stay(self, record: CellRecord) -> str:
        """Return why the synthetic windows may not leave; empty if they may, or if there are none."""
        if not record.stored or not record.synthetic_file:
            return ""
        file = self.store.folder(record.cell.name) / "synthetic.npz"
        signals = read_npz(file, "signals")["signals"]
        try:
            copies = int((self.real_rows(record.cell.dataset, signals) >= 0).sum())
        except EcgbenchError as error:
            return str(error)
        return f"{copies} of them are real windows" if copies else ""


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of a cell's files, its records excepted, by path below its folder."""
    files = [f for f in (*folder.glob("artefacts/*"), folder / "synthetic.npz") if f.is_file()]
    return {file.relative_to(folder).as_posix(): sha256(_read(file)) for file in files}


def _read(file: Path) -> bytes:
    content = content_of(file)
    if content is None:
        raise StoreError(f"{file.name} is missing")
    return content


def _artefacts(record: CellRecord, scores: Iterable[ScoreRecord]) -> list[str]:
    return [*record.artefacts, *(name for score in scores for name in score.artefacts)]


def _without_artefacts(scores: dict[str, ScoreRecord]) -> dict[str, ScoreRecord]:
    return {file: msgspec.structs.replace(score, artefacts={}) for file, score in scores.items()}


def _is_too_large(path: str, content: bytes | Path) -> bool:
    most = limit(path)
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return most is None or size > most


def _without_folders(record: Finished) -> Finished:
    """Return the record with file names in place of paths in its reason."""
    if not record.reason:
        return record
    return msgspec.structs.replace(record, reason=FOLDERS.sub("…/", record.reason))
