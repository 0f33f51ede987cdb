"""Takes others' finished cells into a store, and remembers where they came from (docs/exchange.md)."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ecgbench.harness.errors import DamagedError, EcgbenchError, StoreError
from ecgbench.results.archive import MAX_TOTAL, Environment, unpack
from ecgbench.results.lease import Leases
from ecgbench.results.records import SCHEMA, PlanRecord, digest_of, encode, is_sealed, now
from ecgbench.results.sound import check_cell, check_plan, check_score
from ecgbench.results.store import Store, sha256, write

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from ecgbench.results.archive import Manifest
    from ecgbench.results.records import CellRecord, ScoreRecord

    Check = Callable[[Store, str], list[str]]
    """Given the archive's cells as a store, and the name of one: reasons to refuse it."""

LEFT = 86_400.0
"""Seconds after which what a merge unpacked cannot be wanted any more."""

What = Literal["cell", "score", "plan"]
End = Literal["added", "already here", "conflict", "refused"]


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
    """

    what: What
    name: str
    end: End
    metric: str = ""
    reason: str = ""
    ours: str = ""
    theirs: str = ""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """``provenance/<digits>.json``: an archive of which something was taken in.

    Attributes:
        who: made the archive, in words of their own.
        when: it was made, UTC, ISO 8601.
        merged: when it was taken in last, UTC, ISO 8601.
        environment: of the machine on which it was made.
        archive: its SHA-256.
        cells: digests of their synthetic windows, by the names of the cells of which something was
            taken in.
    """

    schema: int = SCHEMA
    who: str
    when: str
    merged: str
    environment: Environment
    archive: str
    cells: dict[str, str]


def provenance(store: Store, cell: str) -> list[Provenance]:
    """The archives from which a cell, or scores of it, came; none if all of it was made here.

    Raises:
        StoreError: a record of provenance cannot be read.
    """
    record = store.cell(cell)
    if record is None:
        return []
    files = sorted((store.path / "provenance").glob("*.json"))
    return [p for file in files if (p := _provenance(file)).cells.get(cell) == record.synthetic]


def merge(
    store: Store, file: Path, check: Check | None = None, *, most: int = MAX_TOTAL
) -> list[Outcome]:
    """Take into a store what an archive has and the store has not; never overwrite anything.

    Args:
        store: to take it into.
        file: the archive; nothing it says is trusted.
        check: called for each cell of which something would be taken in.
        most: bytes of all its files together.

    Returns:
        what became of each cell, of each score of a cell that is here, and of each plan.

    Raises:
        StoreError: it is no archive, or holds what an archive cannot hold, and nothing was taken in;
            or the store cannot be read or written.
    """
    _sweep(store.path / "incoming")
    incoming = Store(store.path / "incoming" / secrets.token_hex(8))
    try:
        manifest, digest = unpack(file, incoming.path, most=most)
        with Leases(store.path) as leases:
            return _Merge(store, incoming, leases, check).work(manifest, digest)
    except OSError as error:
        raise StoreError(f"cannot merge {file} into {store.path}: {error}") from error
    finally:
        shutil.rmtree(incoming.path, ignore_errors=True)
        with suppress(OSError):
            incoming.path.parent.rmdir()


def _sweep(folder: Path) -> None:
    """Remove what merges that were killed have left."""
    for left in folder.glob("*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT:
                shutil.rmtree(left, ignore_errors=True)


class _Merge:
    def __init__(self, store: Store, incoming: Store, leases: Leases, check: Check | None) -> None:
        self.store = store
        self.incoming = incoming
        self.leases = leases
        self.check = check
        self.outcomes: list[Outcome] = []

    def work(self, manifest: Manifest, digest: str) -> list[Outcome]:
        sound: dict[str, str] = {}
        for folder in sorted(self.incoming.path.glob("cells/*/*/*")):
            name = folder.relative_to(self.incoming.path / "cells").as_posix()
            try:
                sound[name] = _check(folder, name).synthetic
            except StoreError as error:
                self._end("refused", name, reason=str(error))
        note = _Note(self.store, manifest, digest)
        # before anything is taken in: whenever this ends, nothing here is of unknown origin
        note.write({name: sound[name] for name in sound if self._is_wanted(name)})
        note.write({name: sound[name] for name in sound if self._take(name)})
        for file in sorted(self.incoming.path.glob("plans/*/*.json")):
            self._take_plan(file)
        return self.outcomes

    def _end(self, end: End, name: str, **how: Any) -> None:
        self.outcomes.append(Outcome("score" if how.get("metric") else "cell", name, end, **how))

    def _is_wanted(self, name: str) -> bool:
        """Whether the archive has records of a cell that are not here."""
        ours, theirs = self.store.folder(name), self.incoming.folder(name)
        files = [theirs / "cell.json", *theirs.glob("scores/*")]
        return not all((ours / file.relative_to(theirs)).exists() for file in files)

    def _take(self, name: str) -> bool:
        """Take a sound cell in, as far as it is not here; return whether there was any of it."""
        lease = self.leases.take(name)
        if lease is None:
            reason = "a run is working on it; merge again when that has ended"
            self._end("conflict", name, reason=reason, ours="under way")
            return False
        try:
            theirs = self.incoming.cell(name)
            assert theirs is not None
            ours = self.store.cell(name)
            if ours is None:
                return self._is_right(name) and self._settle(name)
            if (ours.status, ours.synthetic) == (theirs.status, theirs.synthetic):
                return self._add_scores(ours, theirs)
            way_out = f"to have theirs, remove {self.store.folder(name)} and merge again"
            self._end("conflict", name, reason=way_out, ours=_tell(ours), theirs=_tell(theirs))
        except DamagedError as error:
            self._end("conflict", name, reason=str(error), ours="damaged")
        finally:
            self.leases.give_back(lease)
        return False

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

    def _settle(self, name: str) -> bool:
        source, target = self.incoming.folder(name), self.store.folder(name)
        for path in (*source.rglob("*"), source):
            _sync(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            self.store.set_aside(name)  # what a run that did not end has left
        source.rename(target)
        _sync(target.parent)
        self._end("added", name)
        return True

    def _add_scores(self, ours: CellRecord, theirs: CellRecord) -> bool:
        """Take in the scores that a cell which is here lacks; return whether there were any."""
        name = ours.cell.name
        scores = self.incoming.scores(name)
        if self._is_wanted(name) and not self._is_right(name):
            return False
        self._end("already here", name)
        added = False
        for score in scores:
            how: dict[str, Any] = {"metric": f"{score.metric.name}-{score.metric.key}"}
            if self.store.score_file(name, score.metric).exists():
                self._compare(score, how)
            elif score.metric.family == "cost" and ours.costs != theirs.costs:
                reason = "it is what their run cost; ecgbench run scores what ours did"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            elif clash := self._clash(score):
                reason = f"{clash} is here with other content; ecgbench run scores it here"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            else:
                for artefact in score.artefacts:
                    content = (self.incoming.folder(name) / "artefacts" / artefact).read_bytes()
                    self.store.write_artefact(name, artefact, content)
                self.store.write_score(score)
                self._end("added", name, **how)
                added = True
        return added

    def _compare(self, score: ScoreRecord, how: dict[str, Any]) -> None:
        """See whether a score that is here is that of the archive."""
        try:
            here = self.store.score(score.cell, score.metric)
        except DamagedError as error:
            self._end("conflict", score.cell, reason=str(error), ours="damaged", **how)
            return
        assert here is not None
        if _same(here, score):
            self._end("already here", score.cell, **how)
            return
        reason = f"to have theirs, remove {self.store.score_file(score.cell, score.metric)} and merge again"
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
        here = {
            cell.name
            for cell in plan.cells
            if (self.store.folder(cell.name) / "cell.json").exists()
        }
        cut = cut_plan(plan, here)
        if cut is None:
            reason = "none of its cells is here"
            self.outcomes.append(Outcome("plan", name, "refused", reason=reason))
            return
        there = self.store.path / "plans" / cut.board_key / f"{digest_of(cut)}.json"
        end: End = "already here" if there.exists() else "added"
        self.store.write_plan(cut)
        self.outcomes.append(Outcome("plan", name, end))


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
    for file in sorted((folder / "scores").glob("*")):
        score = check_score(folder, file.name, record)
        wanted |= {f"scores/{file.name}"} | {f"artefacts/{a}" for a in score.artefacts}
    found = {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}
    if unknown := sorted(found - wanted):
        raise StoreError(f"{unknown[0]} is in no record")
    return record


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


def _provenance(file: Path) -> Provenance:
    try:
        content = file.read_bytes()
        if not is_sealed(content):
            raise StoreError(
                f"{file} is not what was written; remove it, and merge the archive again"
            )
        return msgspec.json.decode(content, type=Provenance)
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"{file} is no record of an archive ({error}); remove it") from error


class _Note:
    """The provenance of what is taken from an archive; what was taken from it earlier stays."""

    def __init__(self, store: Store, manifest: Manifest, digest: str) -> None:
        self.file = store.path / "provenance" / f"{digest[:12]}.json"
        self.earlier = _provenance(self.file).cells if self.file.exists() else {}
        self.noted = self.earlier
        self.manifest = manifest
        self.digest = digest

    def write(self, cells: dict[str, str]) -> None:
        cells = self.earlier | cells
        if cells == self.noted:
            return
        self.noted = cells
        if not cells:
            self.file.unlink(missing_ok=True)
            return
        record = Provenance(
            who=self.manifest.who,
            when=self.manifest.when,
            merged=now(),
            environment=self.manifest.environment,
            archive=self.digest,
            cells=cells,
        )
        write(self.file, encode(record))


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
