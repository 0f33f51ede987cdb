"""The boards as pandas data frames, for programs; text stands in them as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from ecgbench.results.board.compare import Compared
    from ecgbench.results.board.table import Board

NUMBERS = ("value", "low", "high", "spread", "p")
"""Columns of numbers, NaN where there is none."""

WHOLE = ("rank", "family_rank", "overall_rank", "n")
"""Columns of whole numbers, any of which may be missing."""


def to_frame(boards: list[Board]) -> pd.DataFrame:
    """Return a line for each dataset, study, generator and metric."""
    import pandas as pd  # noqa: PLC0415 - takes longer than all that the terminal needs

    rows = [
        {
            "dataset": board.dataset.name,
            "data": board.dataset.digest,
            "study": board.study,
            "settings": json.dumps(board.settings, sort_keys=True),
            "generator": row.label,
            "reference": row.generator.reference,
            "submitted": row.generator.submitted,
            "merged": row.merged,
            "family": metric.family,
            "metric": label,
            "better": metric.better,
            "state": score.status,
            "value": score.value,
            "low": score.low,
            "high": score.high,
            "spread": score.spread,
            "against_null": score.against_null,
            "p": score.p,
            "rank": score.rank,
            "family_rank": row.ranks.get(metric.family),
            "overall_rank": row.ranks.get("overall"),
            "n": score.n,
            "seeds": " ".join(map(str, score.seeds)),
            "reason": score.reason,
            "notes": "; ".join([*row.notes, *score.notes]),
        }
        for board in boards
        for row in board.rows
        for label, metric in board.metrics.items()
        for score in [row.scores[label]]
    ]
    types = dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(WHOLE, "Int64")
    return pd.DataFrame(rows).astype(types if rows else {})


def to_wide(board: Board) -> pd.DataFrame:
    """Return the values alone: a line for each row of the board, a column for each metric."""
    import pandas as pd  # noqa: PLC0415 - as above

    values = {label: [row.scores[label].value for row in board.rows] for label in board.metrics}
    index = pd.Index([row.label for row in board.rows], name="generator")
    return pd.DataFrame(values, index=index, dtype="float64").rename_axis(columns="metric")


def compared_to_frame(compared: list[Compared]) -> pd.DataFrame:
    """Return a line for each board and metric of two rows."""
    import pandas as pd  # noqa: PLC0415 - as above

    columns = (
        *("dataset", "study", "settings", "family", "metric", "better", "ranked"),
        *("a", "b", "difference", "low", "high", "effect", "p", "verdict"),
    )
    lines = [
        (
            each.board.dataset.name,
            each.board.study,
            json.dumps(each.board.settings, sort_keys=True),
            finding.family,
            label,
            finding.better,
            finding.ranked,
            finding.a.value,
            finding.b.value,
            finding.difference,
            finding.low,
            finding.high,
            finding.effect,
            finding.p,
            finding.verdict,
        )
        for each in compared
        for label, finding in each.findings.items()
    ]
    numbers = ("a", "b", "difference", "low", "high", "effect", "p")
    return pd.DataFrame(lines, columns=list(columns)).astype(dict.fromkeys(numbers, "float64"))
