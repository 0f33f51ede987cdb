"""Takes others' finished cells into a store, and notes their archive (docs/exchange.md)."""

from __future__ import annotations

import math
import secrets
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.errors import DamagedError, EcgbenchError, StoreError
from ecgbench.contracts.families import is_comparable
from ecgbench.results.exchange.archive import MAX_TOTAL, opened
from ecgbench.results.exchange.arrival import cells_of, receive
from ecgbench.results.exchange.outcome import Outcome
from ecgbench.results.exchange.plans import cut_plan, drop_parts
from ecgbench.results.exchange.provenance import (
    ArchiveRecord,
    BroughtRecord,
    archive_of,
    brought_of,
    folder_of,
    left,
    note_file,
)
from ecgbench.results.exchange.sound import check_plan
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.records import CellRecord, ScoreRecord, digest_of, now
from ecgbench.results.store.states import score_outcome
from ecgbench.results.store.store import (
    Store,
    decode,
    remove_empty,
    sha256,
    write,
    write_record,
)
from ecgbench.results.store.sync import sync, sync_below
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy as np

    from ecgbench.results.exchange.archive import Archive
    from ecgbench.results.exchange.arrival import Arrival
    from ecgbench.results.exchange.outcome import End
    from ecgbench.results.store.track import Track

    Check = Callable[[Store, str], list[str]]
    """Given the archive's cells as a store, and a cell's name: returns reasons to refuse the cell."""

    Sample = tuple[int, np.random.Generator]
    """How many cells to check, and the generator that draws them."""

LEFT = 86_400.0
"""Seconds after which no merge still uses its staged files."""


def merge(
    store: Store,
    file: Path,
    check: Check | None = None,
    *,
    most: int = MAX_TOTAL,
    trust: bool = False,
    dry: bool = False,
    sample: Sample | None = None,
    track: Track = untracked,
) -> list[Outcome]:
    """Add an archive's results to a store; overwrite nothing.

    The whole archive is read and checked before the store changes.

    Args:
        store: receives the cells.
        file: the archive; nothing in it is trusted.
        check: called for each cell with something new, and for each unchecked cell of an earlier merge
            of this archive.
        most: bytes of all its files together.
        trust: let the archive's results count like results made here.
        dry: tell the outcomes, and change nothing.
        sample: check so many cells, drawn by the generator, and no other; None for all.
        track: told the progress.

    Returns:
        an outcome for each cell, each score of a cell of the store, and each plan.

    Raises:
        StoreError: it is no archive, or an entry is not allowed, and nothing was taken in; or the
            store cannot be read or written.
    """
    is_new = not store.path.exists()
    _sweep(store.path / "incoming")
    incoming = Store(store.path / "incoming" / secrets.token_hex(8))
    try:
        with opened(file, most=most) as archive, Leases(store.path) as leases:
            if not dry:
                archive.check_space(store.path)
            merging = _Merge(store, incoming, archive, leases, check, track, dry=dry)
            return merging.work(trust=trust, sample=sample)
    except OSError as error:
        raise StoreError(f"cannot merge {file} into {store.path}: {error}") from error
    finally:
        shutil.rmtree(incoming.path, ignore_errors=True)
        remove_empty(incoming.path.parent, *((store.path,) if is_new else ()))


def _sweep(folder: Path) -> None:
    """Remove the staged files of killed merges."""
    for old in folder.glob("*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LEFT:
                shutil.rmtree(old, ignore_errors=True)


class _Merge:
    """One merge.

    Args:
        store: receives the cells.
        incoming: a store below it, for the archive's cells on their way in (staged).
        archive: open.
        leases: of the store.
        check: as `merge` has it.
        track: told the progress.
        dry: change nothing.
    """

    def __init__(
        self,
        store: Store,
        incoming: Store,
        archive: Archive,
        leases: Leases,
        check: Check | None,
        track: Track,
        *,
        dry: bool,
    ) -> None:
        self.store = store
        self.incoming = incoming
        self.archive = archive
        self.leases = leases
        self.check = check
        self.track = track
        self.dry = dry
        self.notes = folder_of(store, archive.digest)
        self.sampled: set[str] | None = None
        self.staged: set[str] = set()
        self.renamed: set[Path] = set()
        self.outcomes: list[Outcome] = []

    def work(self, *, trust: bool, sample: Sample | None) -> list[Outcome]:
        cells = [*cells_of(self.archive).items()]
        plans = [path for path in self.archive.entries if path.startswith("plans/")]
        arrivals = [self._receive(*cell) for cell in self.track(cells, "reading")]
        for path in plans:
            self.archive.read(path)  # a bad one shows before the store changes
        if sample is not None:
            count, rng = sample
            sound = sorted(arrival.name for arrival in arrivals if not arrival.reason)
            self.sampled = {sound[place] for place in rng.permutation(len(sound))[:count]}
        if self.staged:
            sync_below(self.incoming.path)
        self._look_up(trust=trust)
        for arrival in self.track(arrivals, "taking in"):
            if arrival.reason:
                self._end("refused", arrival.name, reason=arrival.reason)
            else:
                self._take(arrival)
        for folder in sorted(self.renamed):
            sync(folder)
        for path in plans:
            self._take_plan(path)
        return self.outcomes

    def _receive(self, name: str, paths: list[str]) -> Arrival:
        """Read and check a cell; write it beside the store's cells if the store lacks it."""
        if self.store.has_ended(name):
            return receive(self.archive, name, paths, here=self.store.folder(name))
        if self.dry:
            return receive(self.archive, name, paths)
        self.staged.add(name)
        return receive(self.archive, name, paths, to=self.incoming.folder(name))

    def _stage(self, arrival: Arrival) -> None:
        """Write a cell beside the store's cells, if it does not stand there."""
        if arrival.name not in self.staged:
            self.staged.add(arrival.name)
            receive(
                self.archive, arrival.name, arrival.paths, to=self.incoming.folder(arrival.name)
            )
            sync_below(self.incoming.folder(arrival.name))

    def _read(self, arrival: Arrival, path: str) -> bytes:
        return self.archive.read(f"cells/{arrival.name}/{path}")

    def _end(self, end: End, name: str, **how: Any) -> None:
        self.outcomes.append(Outcome("score" if how.get("metric") else "cell", name, end, **how))

    # --- provenance --------------------------------------------------------------------------------

    def _look_up(self, *, trust: bool) -> None:
        """Read the notes of earlier merges of the archive; note the trust in it."""
        known = archive_of(self.store, self.archive.digest)
        manifest = self.archive.manifest
        self.record = ArchiveRecord(
            who=manifest.who,
            when=manifest.when,
            merged=now() if known is None else known.merged,
            environment=manifest.environment,
            archive=self.archive.digest,
            trusted=trust or (known is not None and known.trusted),
        )
        if known is not None and trust and not known.trusted and not self.dry:
            self._write_archive(anew=True)

    def _write_archive(self, *, anew: bool = False) -> None:
        file = self.notes / "archive.json"
        if anew or not file.exists():
            write_record(file, self.record)

    def _note(self, arrival: Arrival, paths: Iterable[str], *, checked: bool) -> None:
        """Note records before the store takes them: none may ever be of unknown origin.

        The caller holds the cell's lease.
        """
        name = arrival.name
        noted = brought_of(self.notes, name) or BroughtRecord(cell=name, files={})
        new = {path: arrival.seals[path] for path in paths}
        changed = {path for path, seal in new.items() if noted.files.get(path) != seal}
        verified = set(noted.verified) - changed
        if checked:
            verified |= {*new, *self._unchecked(name)}
        record = BroughtRecord(cell=name, files=noted.files | new, verified=sorted(verified))
        if record.files and record != noted and not self.dry:
            self._write_archive()
            write_record(note_file(self.notes, name), record)

    def _unchecked(self, name: str) -> list[str]:
        """Return the unchecked records of earlier merges of this archive in the store."""
        noted = brought_of(self.notes, name)
        if noted is None:
            return []
        return [path for path in left(self.store, noted) if path not in noted.verified]

    # --- a cell ------------------------------------------------------------------------------------

    def _take(self, arrival: Arrival) -> None:
        """Add a sound cell, or its missing scores, to the store."""
        name = arrival.name
        lease = None if self.dry else self.leases.take(name)
        if lease is None and not self.dry:
            reason = "a run, or another merge, is working on it; merge again when that has ended"
            self._end("conflict", name, reason=reason, ours="under way")
            return
        try:
            ours = self.store.cell(name)
            if ours is None:
                self._settle(arrival)
                return
            theirs = decode(self._read(arrival, "cell.json"), CellRecord, "cell.json")
            if (ours.status, ours.synthetic) == (theirs.status, theirs.synthetic):
                self._add_scores(arrival, ours, theirs)
            else:
                way_out = f"to have theirs, remove {self.store.folder(name)} and merge again"
                self._end("conflict", name, reason=way_out, ours=_tell(ours), theirs=_tell(theirs))
        except DamagedError as error:
            self._end("conflict", name, reason=str(error), ours="damaged")
        finally:
            if lease is not None:
                self.leases.give_back(lease)

    def _is_checked(self, name: str) -> bool:
        return self.check is not None and (self.sampled is None or name in self.sampled)

    def _passes(self, arrival: Arrival) -> bool:
        """Return whether the cell passes the check, if there is one for it."""
        if self.check is None or not self._is_checked(arrival.name):
            return True
        self._stage(arrival)
        try:
            reasons = self.check(self.incoming, arrival.name)
        except EcgbenchError as error:
            reasons = [str(error)]
        if reasons:
            self._end("refused", arrival.name, reason="; ".join(reasons))
        return not reasons

    def _settle(self, arrival: Arrival) -> None:
        """Put a whole cell in its place."""
        if not self._passes(arrival):
            return
        checked = self._is_checked(arrival.name)
        if not self.dry:
            self._stage(arrival)
            self._note(arrival, arrival.seals, checked=checked)
            target = self.store.folder(arrival.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                self.store.set_aside(arrival.name)  # a run left it and did not end
            self.incoming.folder(arrival.name).rename(target)
            self.renamed |= {target.parent, target.parent.parent, target.parent.parent.parent}
        self._end("added", arrival.name, verified=checked)

    def _add_scores(self, arrival: Arrival, ours: CellRecord, theirs: CellRecord) -> None:
        """Add the missing scores of a cell in the store."""
        name, folder = arrival.name, self.store.folder(arrival.name)
        lacking = {path for path in arrival.scores if not (folder / path).exists()}
        unchecked = self._unchecked(name) if self._is_checked(name) else []
        if (lacking or unchecked) and not self._passes(arrival):
            return
        checked = self._is_checked(name) and bool(lacking or unchecked)
        self._end("already here", name, verified=checked)
        added: dict[str, ScoreRecord] = {}
        for path in arrival.scores:
            how: dict[str, Any] = {"metric": path.removeprefix("scores/").removesuffix(".json")}
            if path in arrival.here and path not in lacking:
                self._end("already here", name, **how)
                continue
            score = decode(self._read(arrival, path), ScoreRecord, path)
            if path not in lacking:
                self._compare(ours, score, how)
            elif not is_comparable(score.metric.family) and ours.costs != theirs.costs:
                reason = "it is what their run cost; ecgbench run scores what ours did"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            elif clash := self._clash(score):
                reason = f"{clash} is here with other content; ecgbench run scores it here"
                self._end("conflict", name, reason=reason, theirs=_tell(score), **how)
            else:
                self._end("added", name, **how)
                added[path] = score
        if added or checked:
            self._note(arrival, added, checked=checked)
        for path, score in added.items() if not self.dry else ():
            for artefact in score.artefacts:
                content = self._read(arrival, f"artefacts/{artefact}")
                self.store.write_artefact(name, artefact, content)
            # the very bytes, for the seal tells their archive
            write(folder / path, self._read(arrival, path))

    def _compare(self, cell: CellRecord, score: ScoreRecord, how: dict[str, Any]) -> None:
        """Compare a score of the store, of this cell, with the archive's."""
        file = self.store.score_file(score.cell, score.metric)
        outcome = score_outcome(file, cell, score.metric)
        ours = outcome.record
        if ours is None:
            reason = str(outcome.damage or outcome.reason)
            self._end("conflict", score.cell, reason=reason, ours="damaged", **how)
            return
        if _agree(ours, score):
            self._end("already here", score.cell, **how)
            return
        told = {"ours": _tell(ours), "theirs": _tell(score)}
        reason = f"to have theirs, remove {file} and merge again"
        self._end("conflict", score.cell, reason=reason, **told, **how)

    def _clash(self, score: ScoreRecord) -> Path | None:
        """Return the first artefact of the store with a name of the score's and other content."""
        for artefact, digest in score.artefacts.items():
            file = self.store.folder(score.cell) / "artefacts" / artefact
            if file.exists() and sha256(file.read_bytes()) != digest:
                return file
        return None

    # --- a plan ------------------------------------------------------------------------------------

    def _take_plan(self, path: str) -> None:
        try:
            plan = check_plan(self.archive.read(path), path)
        except StoreError as error:
            self.outcomes.append(Outcome("plan", path, "refused", reason=str(error)))
            return
        ends = ("added", "already here")
        taken = {outcome.name for outcome in self.outcomes if outcome.end in ends}
        here = {
            cell.name
            for cell in plan.cells
            if cell.name in taken or self.store.has_ended(cell.name)
        }
        cut = cut_plan(plan, here)
        if cut is None:
            reason = "none of its cells is here"
            self.outcomes.append(Outcome("plan", path, "refused", reason=reason))
            return
        file = f"plans/{cut.board_key}/{digest_of(cut)}.json"
        is_here = (self.notes / file).exists()
        if not (self.notes / "cells").exists():
            is_here |= (self.store.path / file).exists()  # and all cells of the plan are ours
        if not is_here and not self.dry:
            # not among our own plans, for those tell the requests of runs here
            self._write_archive()
            write_record(self.notes / file, cut)
            drop_parts(self.notes / "plans" / cut.board_key)
        self.outcomes.append(Outcome("plan", path, "already here" if is_here else "added"))


def _tell(record: CellRecord | ScoreRecord) -> str:
    if record.status != "ok":
        return f"{record.status}: {record.reason}" if record.reason else record.status
    value = getattr(record, "value", None)
    return f"windows {record.synthetic[:12]}" if value is None else f"{value:.9g}"


def _agree(ours: ScoreRecord, theirs: ScoreRecord) -> bool:
    if ours.status != theirs.status:
        return False
    if ours.value is None or theirs.value is None or not is_comparable(ours.metric.family):
        return True  # what the same windows cost differs from run to run; ours stays
    return math.isclose(ours.value, theirs.value, rel_tol=1e-9)
