"""The boards as JSON, for programs and for publication.

``{schema, boards: [{dataset, data, study, settings, seeds, people, metrics, audit, front,
headline, notes, rows}]}``:
``data`` is the digest of the windows; ``metrics`` are `MetricRecord`s by label, ``audit`` their verdicts,
if there are any; ``front`` are the labels of the competitors on the utility–privacy front, ``headline``
those of the metrics to show first; ``notes`` are sentences for readers.  A row has ``generator``, ``reference``, ``submitted``, ``merged`` (how much of it
was made elsewhere and is verified, in words), ``counts`` (false if it is not verified: nothing is compared
with it), ``settings``, ``origin``, ``left_out`` (its seeds beyond the board's), ``ranks`` by family and
overall, ``notes`` of its cells, and ``scores``, `BoardScore`s by label.  A score with ``better`` as its
``against_null`` is an alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.plain import ascii_json

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board, Row


def to_json(boards: list[Board]) -> str:
    """Return the boards; a missing number is null, with its status beside it."""
    content = msgspec.json.encode({"schema": 1, "boards": [_board(board) for board in boards]})
    return ascii_json(msgspec.json.format(content, indent=1)).decode() + "\n"


def _board(board: Board) -> dict[str, Any]:
    return {
        "dataset": board.dataset.name,
        "data": board.dataset.digest,
        "study": board.study,
        "settings": board.settings,
        "seeds": board.seeds,
        "people": board.people,
        "metrics": board.metrics,
        "audit": board.audit,
        "front": board.front,
        "headline": board.headline,
        "notes": board.notes,
        "rows": [_row(row) for row in board.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "generator": row.label,
        "reference": row.generator.reference,
        "submitted": row.generator.submitted,
        "merged": row.merged,
        "counts": row.counts,
        "settings": row.generator.settings,
        "changed": row.generator.changed,
        "origin": row.generator.origin,
        "left_out": row.left_out,
        "ranks": row.ranks,
        "notes": row.notes,
        "scores": row.scores,
    }
