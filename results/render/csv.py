"""The boards as one tidy CSV: a line for each dataset, study, generator and metric.

An apostrophe stands before text if a spreadsheet would take it for a formula, or a reader of CSV for a
missing value or a number.  A generator called ``nan`` is ``'nan``: pandas and R read it as text.
"""

from __future__ import annotations

import json
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain

if TYPE_CHECKING:
    import pandas as pd

    from ecgbench.results.board.table import Board

WHOLE = ("rank", "family_rank", "overall_rank", "n")
"""Columns of whole numbers; any may be missing."""


READ_OTHERWISE = ("na", "n/a", "null", "none", "true", "false")
"""Words, in small letters, that readers of CSV take for no text; so are numbers and nan."""


def to_table(boards: list[Board]) -> pd.DataFrame:
    """Return one row for each dataset, study, generator and metric."""
    import pandas as pd  # noqa: PLC0415 - takes longer than the whole terminal

    rows = [
        {
            "dataset": board.dataset.name,
            "data": board.dataset.digest,
            "study": _safe(board.study),
            "settings": json.dumps(board.settings, sort_keys=True),
            "generator": _safe(row.label),
            "reference": row.generator.reference,
            "submitted": row.generator.submitted,
            "merged": row.merged,
            "family": _safe(metric.family),
            "metric": _safe(label),
            "better": metric.better,
            "status": score.status,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "spread": score.spread,
            "against_null": score.against_null,
            "rank": score.rank,
            "family_rank": row.ranks.get(metric.family),
            "overall_rank": row.ranks.get("overall"),
            "n": score.n,
            "seeds": " ".join(map(str, score.seeds)),
            "reason": _safe(score.reason),
            "notes": _safe("; ".join([*row.notes, *score.notes])),
        }
        for board in boards
        for row in board.rows
        for label, metric in board.metrics.items()
        for score in [row.scores[label]]
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(WHOLE if rows else (), "Int64"))


def to_csv(boards: list[Board]) -> str:
    """Return the table as CSV text."""
    return to_table(boards).to_csv(index=False)


def _safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula, and no reader for a gap or a number."""
    shown = plain(text)
    first = unicodedata.normalize("NFKC", shown[:1])
    is_odd = first in ("=", "+", "-", "@", "−", "#", "<") or shown.lower() in READ_OTHERWISE
    with suppress(ValueError):
        float(shown)
        is_odd = True
    return f"'{shown}" if is_odd else shown
