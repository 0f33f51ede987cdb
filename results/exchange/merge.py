"""Takes others' finished cells into a store, and remembers where they came from (docs/exchange.md)."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ecgbench.contracts.errors import DamagedError, EcgbenchError, StoreError, UsageError
from ecgbench.results.exchange.archive import MAX_TOTAL, unpack
from ecgbench.results.exchange.provenance import (
    ArchiveRecord,
    BroughtRecord,
    archive_of,
    brought_of,
    folder_of,
    left,
    note_file,
)
from ecgbench.results.exchange.sound import check_cell, check_plan, check_score
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.records import PlanRecord, ScoreRecord, digest_of, now, seal_of
from ecgbench.results.store.states import score_outcome
from ecgbench.results.store.store import Store, read_record, sha256, write, write_record
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from pathlib import Path

    from ecgbench.results.exchange.archive import Manifest
    from ecgbench.results.store.records import CellRecord
    from ecgbench.results.store.track import Track

    Check = Callable[[Store, str], list[str]]
    """Given the archive's cells as a store, and the name of one: reasons to refuse it."""

LEFT = 86_400.0
"""Seconds after which what a merge unpacked cannot be wanted any more."""

What = Literal["cell", "score", "plan"]
End = Literal["added", "already here", "conflict", "refused", "removed"]

SYNCED = 16
"""Files of a cell that are synced at a time."""

DIGITS = 12
"""Of an archive's SHA-256, which name it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a cell, a score or a plan of an archive.

    Attributes:
        what: of the three it is.
        name: of the cell; of a plan, its path.
        end: what became of it.
        metric: of a score.
        reason: why it was not taken in, and the way out.
        ours: of a conflict, what is here.
        theirs: of a conflict, what the archive has.
        verified: of a cell, whether all that the archive brought of it stood the check.
    """

    what: What
    name: str
    end: End
    metric: str = ""
    reason: str = ""
    ours: str = ""
    theirs: str = ""
    verified: bool = False


def merge(
    store: Store,
    file: Path,
    check: Check | None = None,
    *,
    most: int = MAX_TOTAL,
    trust: bool = False,
    dry: bool = False,
    track: Track = untracked,
) -> list[Outcome]:
    """Take into a store what an archive has and the store has not; never overwrite anything.

    Args:
        store: to take it into.
        file: the archive; nothing it says is trusted.
        check: called for each cell of which something would be taken in, or came with this archive
            earlier and was not checked.
        most: bytes of all its files together.
        trust: let the archive's results count as those that were made here.
        dry: tell what would become of it, and change nothing.
        track: told how far it is.

    Returns:
        what became of each cell, of each score of a cell that is here, and of each plan.

    Raises:
        StoreError: it is no archive, or holds what an archive cannot hold, and nothing was taken in;
            or the store cannot be read or written.
    """
    _sweep(store.path / "incoming")
    incoming = Store(store.path / "incoming" / secrets.token_hex(8))
    try:
        manifest, digest = unpack(file, incoming.path, most=most, track=track)
        with Leases(store.path) as leases, ThreadPoolExecutor(SYNCED) as pool:
            work = _Merge(store, incoming, leases, check, track, pool, dry=dry)
            return work.work(manifest, digest, trust=trust)
    except OSError as error:
        raise StoreError(f"cannot merge {file} into {store.path}: {error}") from error
    finally:
        shutil.rmtree(incoming.path, ignore_errors=True)
        _remove_empty(incoming.path.parent, *((store.path,) if dry else ()))


def _sweep(folder: Path) -> None:
    """Remove what merges that were killed have left."""
    for old in folder.glob("*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LEFT:
                shutil.rmtree(old, ignore_errors=True)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


class _Merge:
    def __init__(
        self,
        store: Store,
        incoming: Store,
        leases: Leases,
        check: Check | None,
        track: Track,
        pool: ThreadPoolExecutor,
        *,
        dry: bool,
    ) -> None:
        self.store = store
        self.incoming = incoming
        self.leases = leases
        self.check = check
        self.track = track
        self.pool = pool
        self.dry = dry
        self.notes = store.path
        self.outcomes: list[Outcome] = []

    def work(self, manifest: Manifest, digest: str, *, trust: bool) -> list[Outcome]:
        known = archive_of(self.store, digest)
        self.notes = folder_of(self.store, digest)
        self.archive = ArchiveRecord(
            who=manifest.who,
            when=manifest.when,
            merged=now() if known is None else known.merged,
            environment=manifest.environment,
            archive=digest,
            trusted=trust or (known is not None and known.trusted),
        )
        if known is not None and trust and not known.trusted and not self.dry:
            self._write_archive(anew=True)
        folders = sorted(self.incoming.path.glob("cells/*/*/*"))
        for folder in self.track(folders, "taking in"):
            name = folder.relative_to(self.incoming.path / "cells").as_posix()
            try:
                _check(folder, name)
            except StoreError as error:
                self._end("refused", name, reason=str(error))
            else:
                self._take(name)
        for file in sorted(self.incoming.path.glob("plans/*/*.json")):
            self._take_plan(file)
        return self.outcomes

    def _end(self, end: End, name: str, **how: Any) -> None:
        self.outcomes.append(Outcome("score" if how.get("metric") else "cell", name, end, **how))

    # --- where it came from ------------------------------------------------------------------------

    def _write_archive(self, *, anew: bool = False) -> None:
        file = self.notes / "archive.json"
        if anew or not file.exists():
            write_record(file, self.archive)

    def _note(self, name: str, paths: Iterable[str], *, checked: bool) -> None:
        """Note which records are taken in, before they are: nothing here is ever of unknown origin.

        The caller holds the cell's lease.
        """
        noted = brought_of(self.notes, name) or BroughtRecord(cell=name, files={})
        folder = self.incoming.folder(name)
        new = {path: seal_of((folder / path).read_bytes()) for path in paths}
        changed = {path for path, seal in new.items() if noted.files.get(path) != seal}
        verified = set(noted.verified) - changed
        if checked:
            verified |= {*new, *self._unchecked(name)}
        record = BroughtRecord(cell=name, files=noted.files | new, verified=sorted(verified))
        if record.files and record != noted and not self.dry:
            self._write_archive()
            write_record(note_file(self.notes, name), record)

    def _unchecked(self, name: str) -> list[str]:
        """The records that came with this archive earlier, stand here still, and were not checked."""
        noted = brought_of(self.notes, name)
        if noted is None:
            return []
        return [path for path in left(self.store, noted) if path not in noted.verified]

    # --- a cell ------------------------------------------------------------------------------------

    def _take(self, name: str) -> None:
        """Take a sound cell in, as far as it is not here."""
        lease = None if self.dry else self.leases.take(name)
        if lease is None and not self.dry:
            reason = "a run, or another merge, is working on it; merge again when that has ended"
            self._end("conflict", name, reason=reason, ours="under way")
            return
        try:
            theirs = self.incoming.cell(name)
            assert theirs is not None
            ours = self.store.cell(name)
            if ours is None:
                self._settle(name)
            elif (ours.status, ours.synthetic) == (theirs.status, theirs.synthetic):
                self._add_scores(ours, theirs)
            else:
                way_out = f"to have theirs, remove {self.store.folder(name)} and merge again"
                self._end("conflict", name, reason=way_out, ours=_tell(ours), theirs=_tell(theirs))
        except DamagedError as error:
            self._end("conflict", name, reason=str(error), ours="damaged")
        finally:
            if lease is not None:
                self.leases.give_back(lease)

    def _is_right(self, name: str) -> bool:
        """Whether the cell stands the check, if there is one."""
        if self.check is None:
            return True
        try:
            reasons = self.check(self.incoming, name)
        except EcgbenchError as error:
            reasons = [str(error)]
        if reasons:
            self._end("refused", name, reason="; ".join(reasons))
        return not reasons

    def _settle(self, name: str) -> None:
        """Put a cell that is not here in its place, whole."""
        if not self._is_right(name):
            return
        checked = self.check is not None
        if not self.dry:
            source, target = self.incoming.folder(name), self.store.folder(name)
            files = _files(source)
            records = [path for path in files if path.endswith(".json")]
            self._note(name, sorted(records), checked=checked)
            folders = {path.rpartition("/")[0] for path in files}
            paths = [source / path for path in (*files, *folders)]
            # side by side, for the disk writes many files in hardly more time than one
            list((self.pool.map if len(paths) > SYNCED else map)(_sync, paths))
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                self.store.set_aside(name)  # what a run that did not end has left
            source.rename(target)
            _sync(target.parent)
        self._end("added", name, verified=checked)

    def _add_scores(self, ours: CellRecord, theirs: CellRecord) -> None:
        """Take in the scores that a cell which is here lacks."""
        name = ours.cell.name
        scores = self.incoming.scores(name)
        wanted = [s for s in scores if not self.store.score_file(name, s.metric).exists()]
        unchecked = self._unchecked(name) if self.check is not None else []
        if (wanted or unchecked) and not self._is_right(name):
            return
        checked = self.check is not None and bool(wanted or unchecked)
        self._end("already here", name, verified=checked)
        added: list[ScoreRecord] = []
        for score in scores:
            how: dict[str, Any] = {"metric": f"{score.metric.name}-{score.metric.key}"}
            if score not in wanted:
                self._compare(ours, score, how)
            elif score.metric.family == "cost" and ours.costs != theirs.costs:
                reason = "it is what their run cost; ecgbench run scores what ours did"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            elif clash := self._clash(score):
                reason = f"{clash} is here with other content; ecgbench run scores it here"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            else:
                self._end("added", name, **how)
                added.append(score)
        files = [_path(score) for score in added]
        if files or checked:
            self._note(name, files, checked=checked)
        for score in added if not self.dry else ():
            for artefact in score.artefacts:
                content = (self.incoming.folder(name) / "artefacts" / artefact).read_bytes()
                self.store.write_artefact(name, artefact, content)
            # the very bytes: the seal tells where it came from
            write(self.store.folder(name) / _path(score), self._bytes(name, score))

    def _bytes(self, name: str, score: ScoreRecord) -> bytes:
        return (self.incoming.folder(name) / _path(score)).read_bytes()

    def _compare(self, ours: CellRecord, score: ScoreRecord, how: dict[str, Any]) -> None:
        """See whether a score that is here is that of the archive."""
        file = self.store.score_file(score.cell, score.metric)
        outcome = score_outcome(file, ours, score.metric)
        here = outcome.record
        if here is None:
            reason = str(outcome.damage or outcome.reason)
            self._end("conflict", score.cell, reason=reason, ours="damaged", **how)
            return
        if _same(here, score):
            self._end("already here", score.cell, **how)
            return
        reason = f"to have theirs, remove {file} and merge again"
        self._end(
            "conflict", score.cell, reason=reason, ours=_tell(here), theirs=_tell(score), **how
        )

    def _clash(self, score: ScoreRecord) -> Path | None:
        """The first artefact of a score that would overwrite another."""
        for artefact, digest in score.artefacts.items():
            file = self.store.folder(score.cell) / "artefacts" / artefact
            if file.exists() and sha256(file.read_bytes()) != digest:
                return file
        return None

    def _take_plan(self, file: Path) -> None:
        name = f"plans/{file.parent.name}/{file.name}"
        try:
            plan = check_plan(file)
        except StoreError as error:
            self.outcomes.append(Outcome("plan", name, "refused", reason=str(error)))
            return
        taken = {
            outcome.name for outcome in self.outcomes if outcome.end in ("added", "already here")
        }
        here = {
            cell.name
            for cell in plan.cells
            if cell.name in taken or (self.store.folder(cell.name) / "cell.json").exists()
        }
        cut = cut_plan(plan, here)
        if cut is None:
            reason = "none of its cells is here"
            self.outcomes.append(Outcome("plan", name, "refused", reason=reason))
            return
        path = f"plans/{cut.board_key}/{digest_of(cut)}.json"
        there = (self.notes / path).exists()
        if not (self.notes / "cells").exists():
            there |= (self.store.path / path).exists()  # and all that it asks for is ours
        if not there and not self.dry:
            # not among our own: what a run here was asked for is told from what an archive says
            self._write_archive()
            write_record(self.notes / path, cut)
            self._drop_parts(self.notes / "plans" / cut.board_key)
        self.outcomes.append(Outcome("plan", name, "already here" if there else "added"))

    def _drop_parts(self, folder: Path) -> None:
        """Remove plans that another holds whole: a merge at the same time saw fewer of the cells."""
        plans: dict[Path, PlanRecord] = {}
        for file in sorted(folder.glob("*.json")):
            if (plan := read_record(file, PlanRecord)) is not None:
                plans[file] = plan
        for file, plan in plans.items():
            names = {cell.name for cell in plan.cells}
            for whole in plans.values():
                if len(whole.cells) > len(plan.cells) and cut_plan(whole, names) == plan:
                    file.unlink(missing_ok=True)


def cut_plan(plan: PlanRecord, cells: Container[str]) -> PlanRecord | None:
    """A plan of these cells alone, with the datasets and generators that they need; None for none."""
    kept = [cell for cell in plan.cells if cell.name in cells]
    datasets = sorted({cell.dataset for cell in kept})
    generators = sorted({cell.generator for cell in kept})
    if not kept:
        return None
    return msgspec.structs.replace(
        plan,
        datasets=[plan.datasets[i] for i in datasets],
        generators=[plan.generators[i] for i in generators],
        cells=[
            msgspec.structs.replace(
                cell,
                dataset=datasets.index(cell.dataset),
                generator=generators.index(cell.generator),
            )
            for cell in kept
        ],
    )


def _check(folder: Path, name: str) -> CellRecord:
    """See that a cell of an archive is sound, and nothing but the cell is there."""
    record = check_cell(folder, name)
    wanted = {"cell.json"} | {f"artefacts/{artefact}" for artefact in record.artefacts}
    if record.synthetic_file:
        wanted.add("synthetic.npz")
    found = _files(folder)
    for path in found:
        if path.startswith("scores/"):
            score = check_score(folder, path.removeprefix("scores/"), record)
            wanted |= {path} | {f"artefacts/{a}" for a in score.artefacts}
    if unknown := sorted({*found} - wanted):
        raise StoreError(f"{unknown[0]} is in no record")
    return record


def _files(folder: Path) -> list[str]:
    """The paths of a cell's files below its folder, sorted."""
    found = []
    for below in ("", "artefacts/", "scores/"):
        with suppress(FileNotFoundError), os.scandir(folder / below) as entries:
            found += [below + entry.name for entry in entries if entry.is_file()]
    return sorted(found)


def _tell(record: CellRecord | ScoreRecord) -> str:
    if record.status != "ok":
        return f"{record.status}: {record.reason}" if record.reason else record.status
    value = getattr(record, "value", None)
    return f"windows {record.synthetic[:12]}" if value is None else f"{value:.9g}"


def _same(ours: ScoreRecord, theirs: ScoreRecord) -> bool:
    if ours.status != theirs.status:
        return False
    if ours.value is None or theirs.value is None or ours.metric.family == "cost":
        return True  # what the same windows cost differs from run to run; ours stays
    return math.isclose(ours.value, theirs.value, rel_tol=1e-9)


def _path(score: ScoreRecord) -> str:
    """Of its record, below the cell's folder."""
    return f"scores/{score.metric.name}-{score.metric.key}.json"


def undo(
    store: Store, digest: str, *, dry: bool = False, track: Track = untracked
) -> list[Outcome]:
    """Take out what an archive brought, as far as it is still that.

    A cell goes with the scores that were computed of its windows since.

    Args:
        store: to take it out of.
        digest: 12 digits of the archive's SHA-256, or more.
        dry: tell what would go, and change nothing.
        track: told how far it is.

    Returns:
        What became of each cell, of each score of a cell that stays, and of each plan.

    Raises:
        UsageError: nothing of this archive is here.
        StoreError: the store cannot be read or written.
    """
    if len(digest) < DIGITS or archive_of(store, digest) is None:
        raise UsageError(f"{store.path} has nothing of an archive with the SHA-256 {digest}…")
    folder = folder_of(store, digest)
    outcomes: list[Outcome] = []
    try:
        with Leases(store.path) as leases:
            for file in track(sorted(folder.glob("cells/*/*/*.json")), "taking out"):
                name = file.relative_to(folder / "cells").as_posix().removesuffix(".json")
                lease = leases.take(name)
                if lease is None:
                    reason = "a run, or a merge, is working on it; undo again when that has ended"
                    outcomes.append(Outcome("cell", name, "conflict", reason=reason))
                    continue
                outcomes += _take_out(store, name, brought_of(folder, name), dry=dry)
                if not dry:
                    file.unlink()
                leases.give_back(lease)
        plans = sorted(folder.glob("plans/*/*.json"))
        if not dry and not any(outcome.end == "conflict" for outcome in outcomes):
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(f"cannot take it out of {store.path}: {error}") from error
    names = (plan.relative_to(folder).as_posix() for plan in plans)
    return outcomes + [Outcome("plan", name, "removed") for name in names]


def _take_out(
    store: Store, name: str, brought: BroughtRecord | None, *, dry: bool
) -> list[Outcome]:
    found = [] if brought is None else left(store, brought)
    folder = store.folder(name)
    if "cell.json" in found:
        if not dry:
            # first out of sight, so that it is never here in part
            aside = store.path / "incoming" / secrets.token_hex(8)
            aside.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
            _remove_empty(aside.parent, folder.parent, folder.parent.parent)
        return [Outcome("cell", name, "removed")]
    artefacts: set[str] = set()
    for path in found if not dry else ():
        score = read_record(folder / path, ScoreRecord)
        artefacts |= set(() if score is None else score.artefacts)
        (folder / path).unlink()
    record = store.cell(name) if artefacts else None
    kept = set(() if record is None else record.artefacts)
    for artefact in artefacts - kept.union(*(score.artefacts for score in store.scores(name))):
        (folder / "artefacts" / artefact).unlink(missing_ok=True)
    metrics = (path.removeprefix("scores/").removesuffix(".json") for path in found)
    return [Outcome("score", name, "removed", metric=metric) for metric in metrics]


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
