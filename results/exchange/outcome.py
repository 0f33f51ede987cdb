"""Outcomes of a merge, or of its undo, for each part of an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

What = Literal["cell", "score", "plan"]
End = Literal["added", "already here", "conflict", "refused", "removed"]


@dataclass(frozen=True)
class Outcome:
    """The outcome for a cell, a score or a plan of an archive.

    Attributes:
        what: the kind of the part.
        name: the cell's name; a plan's path.
        end: how it ended.
        metric: name and key of a score's metric.
        reason: why the store did not take it, and the way out.
        ours: in a conflict, the store's result.
        theirs: in a conflict, the archive's result.
        verified: of a cell, whether all records from the archive passed the check.
    """

    what: What
    name: str
    end: End
    metric: str = ""
    reason: str = ""
    ours: str = ""
    theirs: str = ""
    verified: bool = False
