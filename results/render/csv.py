"""The boards as one tidy CSV: a line for each dataset, study, generator and metric.

An apostrophe stands before text if a spreadsheet would take it for a formula, or a reader of CSV for a
missing value or a number.  A generator called ``nan`` is ``'nan``: pandas and R read it as text.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render.frame import to_frame

if TYPE_CHECKING:
    import pandas as pd

    from ecgbench.results.board.table import Board

STRANGERS = ("study", "generator", "family", "metric", "reason", "notes")
"""Columns whose text may be a stranger's."""

READ_OTHERWISE = ("na", "n/a", "null", "none", "true", "false")
"""Words, in small letters, that readers of CSV take for no text; so are numbers and nan."""


def to_table(boards: list[Board]) -> pd.DataFrame:
    """Return a line for each dataset, study, generator and metric, with text that is safe in a CSV."""
    table = to_frame(boards).rename(columns={"state": "status"}).drop(columns="p", errors="ignore")
    for column in STRANGERS:
        if column in table:
            table[column] = table[column].map(_safe)
    return table


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
