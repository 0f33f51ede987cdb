"""All that a site shows, as one JSON (docs/report.md, "The JSON")."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.families import OVERALL
from ecgbench.contracts.plain import plain
from ecgbench.environment import environment
from ecgbench.results.audit.records import audits
from ecgbench.results.board.board import wholes
from ecgbench.results.render import text
from ecgbench.results.render.audit import judgement, summary
from ecgbench.results.render.front import headlines
from ecgbench.results.site.names import Names
from ecgbench.results.site.people import people
from ecgbench.results.site.rows import attacks_of, cells_of, parts_of, roc_of, study_of
from ecgbench.results.store.records import now
from ecgbench.results.store.store import sha256
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecgbench.results.audit.records import AuditRecord
    from ecgbench.results.board.board import Whole
    from ecgbench.results.board.catalogue import Catalogue
    from ecgbench.results.board.plans import BoardPlan
    from ecgbench.results.board.table import BoardScore, Row
    from ecgbench.results.store.store import Store
    from ecgbench.results.store.track import Track

SCHEMA = 1
"""Raise it when a reader of an earlier site's JSON would misunderstand this one."""

FLOOR, CEILING = "gaussian-noise", "real"
"""The reference rows with the distances 0 and 1."""


@dataclass(frozen=True)
class Cards:
    """The cards of the installed plugins, ready for JSON, by kind and name.

    Attributes:
        of: for each kind, the fields of ``ecgbench show`` by name, and ``suite``, the folder of its
            code.
    """

    of: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def get(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return a card; an empty one if the plugin is not installed."""
        return self.of.get(kind, {}).get(name, {})


def content(
    store: Store,
    catalogue: Catalogue,
    cards: Cards,
    groups: list[list[BoardPlan]],
    *,
    command: str = "",
    track: Track = untracked,
) -> dict[str, Any]:
    """Return the content of a site, ready for JSON.

    Args:
        store: read only.
        catalogue: facts of the installed plugins.
        cards: of the installed plugins.
        groups: the plans of each board (`ecgbench.results.board.plans.named`).
        command: the one that makes the site, for the page on its making.
        track: told how far it is.

    Raises:
        StoreError: a record cannot be read.
    """
    found = wholes(store, catalogue, groups, track)
    names = Names()
    boards = [_board(whole, store, cards, names) for whole in found]
    metrics = _metrics(found, cards, names, store)
    return {
        "schema": SCHEMA,
        "made": {
            "at": now(),
            "command": command,
            "environment": environment(),
            "python": sys.version.split()[0],
            "store": _checksum(store, boards),
        },
        "boards": boards,
        "metrics": metrics,
        "generators": _generators(boards, cards),
        "datasets": _datasets(found, cards, names),
    }


def _board(whole: Whole, store: Store, cards: Cards, names: Names) -> dict[str, Any]:
    board = whole.board
    labels = [*board.metrics]
    places = {row.label: place for place, row in enumerate(board.rows)}
    planned = {row.label: (row, of_row) for row, of_row in whole.gathered.rows}
    rows = []
    for row in board.rows:
        plan, of_row = planned[row.label]
        cells = cells_of(store, plan)
        parts = parts_of(store, plan, board.metrics, board.seeds)
        card = cards.get("generator", row.generator.name)
        rows.append(
            {
                "label": row.label,
                "generator": row.generator.name,
                "page": names.of("generator", row.generator.name),
                "family": card.get("suite", "other"),
                "kind": _kind(row),
                "marks": _marks(row, card, smoke=bool(board.settings.get("smoke"))),
                "front": row.label in board.front,
                "ranks": row.ranks,
                "version": row.generator.version,
                "origin": row.generator.origin,
                "code": row.generator.code,
                "settings": row.generator.settings,
                "changed": row.generator.changed,
                "notes": row.notes,
                "left_out": row.left_out,
                "cells": cells,
                "scores": [
                    _score(
                        row.scores[label],
                        {
                            seed: end.score.value
                            for seed, end in of_row[label].items()
                            if end.score is not None
                        },
                        [places[each] for each in whole.ahead.get(label, {}).get(row.label, [])],
                    )
                    for label in labels
                ],
                "parts": parts,
                "attacks": attacks_of(parts),
                "roc": roc_of(store, cells, board.metrics),
            }
        )
    axes = headlines(board)
    return {
        "id": names.of("board", f"{board.dataset.name}-{board.study}", board.key),
        "dataset": board.dataset.name,
        "data": board.dataset.digest,
        "data_settings": board.dataset.settings,
        "study": board.study,
        "title": text.title(board),
        "about": text.facts(board),
        "settings": board.settings,
        "settings_text": text.settings(board),
        "study_record": study_of(store, whole.gathered.rows[0][0]),
        "seeds": board.seeds,
        "people": board.people,
        "families": text.families(board),
        "ranks": text.rank_columns(board),
        "behind_ranks": text.behind_ranks(board),
        "headline": [labels.index(label) for label in board.headline],
        "front": board.front,
        "axes": None if axes is None else [labels.index(label) for label in axes],
        "floor": places.get(FLOOR),
        "ceiling": places.get(CEILING),
        "notes": text.notes(board),
        "metrics": [
            {
                "label": label,
                "name": metric.name,
                "page": names.of("metric", metric.name),
                "version": metric.version,
                "origin": metric.origin,
                "code": metric.code,
                "settings": metric.settings,
                "family": metric.family,
                "suite": cards.get("metric", metric.name).get("suite", "other"),
                "better": metric.better,
                "ideal": metric.ideal,
                "null": metric.null,
                "bounds": metric.bounds,
                "ranked": metric.ranked,
                "audit": board.audit.get(label),
                "summary": metric.summary,
            }
            for label, metric in board.metrics.items()
        ],
        "rows": rows,
        "people_scores": people(whole),
    }


def _kind(row: Row) -> str:
    if not row.counts:
        return "unverified"
    return "reference" if row.generator.reference else "competitor"


def _marks(row: Row, card: Mapping[str, Any], *, smoke: bool) -> list[str]:
    """Return how a row is unlike one of a published model that was run here."""
    marks = ["submitted"] * row.generator.submitted
    if row.merged:
        marks.append(row.merged)
    if "reduced" in str(card.get("summary", "")):  # as its author says (docs/plugins/generator.md)
        marks.append("reduced")
    if smoke:
        marks.append("smoke settings")
    return marks


def _score(score: BoardScore, values: Mapping[int, float], ahead: list[int]) -> dict[str, Any]:
    """Return a score without the fields that say nothing; ``ahead`` are places of rows."""
    told = {
        "status": score.status,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "spread": score.spread,
        "rank": score.rank,
        "against_null": score.against_null,
        "p": score.p,
        "n": score.n,
        "reason": score.reason or None,
        "notes": list(score.notes) or None,
        "seeds": {str(seed): value for seed, value in sorted(values.items())} or None,
        "ahead": ahead or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _metrics(
    found: list[Whole], cards: Cards, names: Names, store: Store
) -> dict[str, dict[str, Any]]:
    """Return the facts of every metric on a board, by name."""
    of_name: dict[str, list[AuditRecord]] = {}
    for record in audits(store):
        of_name.setdefault(record.metric.name, []).append(record)
    metrics: dict[str, dict[str, Any]] = {}
    for whole in found:
        for metric in whole.board.metrics.values():
            metrics.setdefault(
                metric.name,
                {
                    "page": names.of("metric", metric.name),
                    "summary": metric.summary,
                    "family": metric.family,
                    "better": metric.better,
                    "counts": metric.family in OVERALL,
                    "card": cards.get("metric", metric.name),
                    "audits": [_audit(record) for record in of_name.get(metric.name, [])],
                },
            )
    return dict(sorted(metrics.items()))


def _audit(record: AuditRecord) -> dict[str, Any]:
    seen, blind, rewards = summary(record)
    return {
        "dataset": record.dataset.name,
        "windows": record.windows,
        "seeds": record.seeds,
        "seeds_at_0": record.seeds_at_0,
        "verdict": record.verdict,
        "judgement": judgement(record),
        "seen": seen,
        "blind": blind,
        "rewards": rewards,
        "seconds": record.seconds,
        "series": msgspec.to_builtins(record.series),
    }


def _generators(boards: list[dict[str, Any]], cards: Cards) -> dict[str, dict[str, Any]]:
    rows = [row for board in boards for row in board["rows"]]
    return {
        row["generator"]: {
            "page": row["page"],
            "family": row["family"],
            "card": cards.get("generator", row["generator"]),
        }
        for row in sorted(rows, key=lambda row: row["generator"])
    }


def _datasets(found: list[Whole], cards: Cards, names: Names) -> dict[str, dict[str, Any]]:
    datasets = {whole.board.dataset.name: whole.board.dataset for whole in found}
    return {
        name: {
            "page": names.of("dataset", name),
            "digest": dataset.digest,
            "settings": dataset.settings,
            "windows": dataset.windows,
            "card": cards.get("dataset", name),
        }
        for name, dataset in sorted(datasets.items())
    }


def _checksum(store: Store, boards: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the SHA-256 over the records of all cells on the boards, and how many there are."""
    files = sorted(
        file
        for cell in {cell["name"] for b in boards for row in b["rows"] for cell in row["cells"]}
        for file in (store.folder(cell) / "cell.json", *store.score_files(cell))
        if file.is_file()
    )
    digest = hashlib.sha256()
    for file in files:
        name = plain(file.relative_to(store.path).as_posix())
        digest.update(f"{sha256(file.read_bytes())}  {name}\n".encode())
    return {"sha256": digest.hexdigest(), "records": len(files)}
