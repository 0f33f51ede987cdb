"""The boards as one tidy CSV: a line for each dataset, study, generator and metric."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from ecgbench.results.render.text import plain

if TYPE_CHECKING:
    from ecgbench.results.board import Board


def to_table(boards: list[Board]) -> pd.DataFrame:
    """One row for each dataset, study, generator and metric."""
    return pd.DataFrame(
        [
            {
                "dataset": board.dataset.name,
                "study": _safe(board.study),
                "settings": json.dumps(board.settings, sort_keys=True),
                "generator": _safe(row.label),
                "reference": row.generator.reference,
                "submitted": row.generator.submitted,
                "family": _safe(metric.family),
                "metric": _safe(label),
                "better": metric.better,
                "status": score.status,
                "value": score.value,
                "low": score.low,
                "high": score.high,
                "spread": score.spread,
                "n": score.n,
                "seeds": " ".join(map(str, score.seeds)),
                "family_rank": row.ranks.get(metric.family),
                "overall_rank": row.ranks.get("overall"),
                "reason": _safe(score.reason),
            }
            for board in boards
            for row in board.rows
            for label, metric in board.metrics.items()
            for score in [row.scores[label]]
        ]
    ).astype({"n": "Int64", "family_rank": "Int64", "overall_rank": "Int64"})


def to_csv(boards: list[Board]) -> str:
    """The table as CSV text."""
    return to_table(boards).to_csv(index=False)


def _safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    shown = plain(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown
