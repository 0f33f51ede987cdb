"""Takes the results of an archive out of a store (docs/exchange.md)."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from ecgbench.contracts.errors import StoreError, UsageError
from ecgbench.results.exchange.outcome import Outcome
from ecgbench.results.exchange.provenance import DIGITS, archive_of, brought_of, folder_of, left
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.records import ScoreRecord
from ecgbench.results.store.store import Store, read_record, remove_empty
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from ecgbench.results.exchange.provenance import BroughtRecord
    from ecgbench.results.store.track import Track


def undo(
    store: Store, digest: str, *, dry: bool = False, track: Track = untracked
) -> list[Outcome]:
    """Take out the records of an archive, as far as they still have the seals of its notes.

    A cell goes with all scores of its windows, also with those computed since.

    Args:
        store: gives up the cells.
        digest: 12 digits of the archive's SHA-256, or more.
        dry: tell the outcomes, and change nothing.
        track: told the progress.

    Returns:
        an outcome for each cell, each score of a remaining cell, and each plan.

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
    paths = [] if brought is None else left(store, brought)
    folder = store.folder(name)
    if "cell.json" in paths:
        if not dry:
            # first out of sight, for a cell must never be here in part
            hidden = store.path / "incoming" / secrets.token_hex(8)
            hidden.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(hidden)
            shutil.rmtree(hidden, ignore_errors=True)
            remove_empty(hidden.parent, folder.parent, folder.parent.parent)
        return [Outcome("cell", name, "removed")]
    artefacts: set[str] = set()
    for path in paths if not dry else ():
        score = read_record(folder / path, ScoreRecord)
        artefacts |= set(() if score is None else score.artefacts)
        (folder / path).unlink()
    record = store.cell(name) if artefacts else None
    kept = set(() if record is None else record.artefacts)
    for artefact in artefacts - kept.union(*(score.artefacts for score in store.scores(name))):
        (folder / "artefacts" / artefact).unlink(missing_ok=True)
    metrics = (path.removeprefix("scores/").removesuffix(".json") for path in paths)
    return [Outcome("score", name, "removed", metric=metric) for metric in metrics]
