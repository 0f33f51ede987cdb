"""Chooses what of a store may leave the machine, and makes an archive of it (docs/exchange.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ecgbench.contracts.errors import DataError, EcgbenchError, StoreError, UsageError, suggest
from ecgbench.environment import environment
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.same import is_flat, same_windows
from ecgbench.harness.engine.run import locate, prepare
from ecgbench.harness.planning.study import Study
from ecgbench.results.exchange.archive import limit, pack
from ecgbench.results.exchange.merge import cut_plan
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.exchange.sound import check_cell, check_score
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.records import CellRecord, ScoreRecord, digest_of, encode, now
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.results.store.records import DatasetRecord
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track

Ended = TypeVar("Ended", CellRecord, ScoreRecord)

FOLDERS = re.compile(r"(?<![\w./])(?:/[^\s/'\":;,()]+)+/")
"""Of a path in an error's message: they hold the names of users."""


@dataclass(frozen=True)
class Withheld:
    """Something that stayed here.

    Attributes:
        cell: of which it is.
        what: it is.
        reason: why it stayed.
        damaged: whether it stayed for what is wrong with it.
    """

    cell: str
    what: str
    reason: str
    damaged: bool = False


@dataclass(frozen=True)
class Exported:
    """What an archive was made of.

    Attributes:
        cells: their names.
        scores: how many.
        plans: how many.
        withheld: what of the cells stayed here.
    """

    cells: tuple[str, ...]
    scores: int
    plans: int
    withheld: tuple[Withheld, ...]


def choose(store: Store, cells: Sequence[str], dataset: str | None) -> list[str]:
    """The full names of the cells that are asked for; all there are, if none is named.

    Raises:
        UsageError: there are none, or one is not there.
    """
    known = list(store.cell_names())
    if not known:
        raise UsageError(
            f"{store.path} holds no results; ecgbench run makes some, --store names another"
        )
    named = sorted({store.find(cell) for cell in cells}) if cells else known
    found = [name for name in named if dataset in (None, name.partition("/")[0])]
    if not found:
        datasets = {name.partition("/")[0] for name in named}
        raise UsageError(
            f"no such cell is of dataset {dataset!r}; {suggest(str(dataset), datasets)}"
        )
    return found


def export(
    store: Store,
    cells: Sequence[str],
    file: Path,
    catalog: Catalog,
    data_dir: Path | None,
    who: str = "",
    track: Track = untracked,
) -> Exported:
    """Make an archive of cells, with the plans that make a board of them.

    Of a dataset that may not be redistributed, or of which that is not known, pictures stay here, and
    so do synthetic windows unless it is seen that none of them is a real one.

    Args:
        store: read only.
        cells: full names.
        file: to write.
        catalog: of plugins.
        data_dir: the user's folder of datasets.
        who: makes it, in words of their own.
        track: told how far it is.

    Raises:
        StoreError: the store cannot be read, or the archive cannot be written.
    """
    chosen = _Export(store, catalog, data_dir)
    for name in track(cells, "reading"):
        chosen.add(name)
    known = origins(store)
    all_plans = (*store.plans(), *known.trusted_plans, *known.plans)
    found = [cut for plan in all_plans if (cut := cut_plan(plan, chosen.cells))]
    plans = [*{digest_of(plan): plan for plan in found}.values()]
    for plan in plans:
        chosen.contents[f"plans/{plan.board_key}/{digest_of(plan)}.json"] = encode(plan)
    about = environment()
    pack(file, chosen.contents, who=who, when=now(), environment=about, track=track)
    withheld = tuple(chosen.withheld)
    return Exported(tuple(chosen.cells), chosen.scores, len(plans), withheld)


class _Export:
    def __init__(self, store: Store, catalog: Catalog, data_dir: Path | None) -> None:
        self.store = store
        self.catalog = catalog
        self.data_dir = data_dir
        self.contents: dict[str, bytes | Path] = {}
        self.cells: dict[str, None] = {}
        self.scores = 0
        self.withheld: list[Withheld] = []
        self.real: dict[str, NDArray[np.float32] | str] = {}

    def add(self, name: str) -> None:
        """Take a cell with its scores, as far as they are sound and may leave."""
        folder = self.store.folder(name)
        try:
            record = check_cell(folder, name)
        except StoreError as error:
            self._withhold(name, "the cell", str(error), damaged=True)
            return
        scores = self._sound_scores(folder, record)
        if not self._is_redistributable(record.cell.dataset):
            record, scores = self._without_pictures(record, scores)
            reason = self._why_windows_stay(record)
            if reason:
                self._withhold(name, "synthetic windows", reason)
                record = msgspec.structs.replace(record, stored=False, synthetic_file="")
        found: dict[str, bytes | Path] = {"cell.json": encode(_without_folders(record))}
        if record.synthetic_file:
            found["synthetic.npz"] = folder / "synthetic.npz"
        for score in scores:
            file = f"scores/{score.metric.name}-{score.metric.key}.json"
            found[file] = encode(_without_folders(score))
        found |= {f"artefacts/{a}": folder / "artefacts" / a for a in _artefacts(record, scores)}
        contents = {f"cells/{name}/{path}": content for path, content in found.items()}
        if large := [path for path, content in contents.items() if _is_too_large(path, content)]:
            self._withhold(name, "the cell", f"{large[0]} is too large", damaged=True)
            return
        self.contents |= contents
        self.cells[name] = None
        self.scores += len(scores)

    def _withhold(self, cell: str, what: str, reason: str, *, damaged: bool = False) -> None:
        self.withheld.append(Withheld(cell, what, reason, damaged))

    def _sound_scores(self, folder: Path, record: CellRecord) -> list[ScoreRecord]:
        found = []
        for file in sorted((folder / "scores").glob("*.json")):
            try:
                found.append(check_score(folder, file.name, record))
            except StoreError as error:
                self._withhold(record.cell.name, "a score", str(error), damaged=True)
        return found

    def _is_redistributable(self, dataset: DatasetRecord) -> bool:
        try:
            return self.catalog.dataset(dataset.name).redistributable
        except EcgbenchError:
            return False  # its plugin is not there to say so

    def _without_pictures(
        self, record: CellRecord, scores: list[ScoreRecord]
    ) -> tuple[CellRecord, list[ScoreRecord]]:
        """Without the artefacts that may show real windows."""
        curve = {n: digest for n, digest in record.artefacts.items() if n == "training.csv"}
        shown = [name for name in _artefacts(record, scores) if name not in curve]
        if shown:
            reason = f"{record.cell.dataset.name} may not be redistributed, as far as is known here"
            self._withhold(record.cell.name, ", ".join(shown), reason)
        return msgspec.structs.replace(record, artefacts=curve), [
            msgspec.structs.replace(score, artefacts={}) for score in scores
        ]

    def _why_windows_stay(self, record: CellRecord) -> str:
        """Why the synthetic windows may not leave; empty if they may, or there are none."""
        if not record.stored or not record.synthetic_file:
            return ""
        real = self._real_windows(record.cell.dataset)
        if isinstance(real, str):
            return f"they cannot be compared with the real ones: {real}"
        file = self.store.folder(record.cell.name) / "synthetic.npz"
        made = read_npz(file, "signals")["signals"]
        if made.shape[1:] != real.shape[1:]:
            return f"they are of shape {made.shape[1:]}, real ones of {real.shape[1:]}"
        made = made[~is_flat(made)]
        same = int((same_windows(made, real) >= 0).sum())
        return f"{same} of them are real windows" if same else ""

    def _real_windows(self, dataset: DatasetRecord) -> NDArray[np.float32] | str:
        """All windows of a dataset, or why they are not to be had."""
        if dataset.key not in self.real:
            try:
                self.real[dataset.key] = self._read(dataset)
            except EcgbenchError as error:
                self.real[dataset.key] = str(error)
        return self.real[dataset.key]

    def _read(self, dataset: DatasetRecord) -> NDArray[np.float32]:
        def absent(name: str) -> Path:
            raise DataError(
                f"dataset {name} is not on this machine: ecgbench fetch {name}, or --data-dir"
            )

        study = Study(datasets=(dataset.name,), dataset={dataset.name: dataset.settings})
        sources = locate(study, self.catalog, self.data_dir, absent)
        (here,) = prepare(sources, dataset.windows, self.catalog.files)
        if here.key != dataset.key:
            raise DataError(f"dataset {dataset.name} is another here than it was for the cell")
        return data.read(data.folder(sources[0])).signals


def _artefacts(record: CellRecord, scores: list[ScoreRecord]) -> list[str]:
    return [*record.artefacts, *(name for score in scores for name in score.artefacts)]


def _is_too_large(path: str, content: bytes | Path) -> bool:
    most = limit(path)
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return most is None or size > most


def _without_folders(record: Ended) -> Ended:
    """The record with nothing but the names of files in the reason why it failed."""
    return msgspec.structs.replace(record, reason=FOLDERS.sub("…/", record.reason))
