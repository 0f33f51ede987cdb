"""Two rows of a board, metric by metric, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecgbench.contracts.errors import UsageError
from ecgbench.results.pictures.effects import Effect, effects
from ecgbench.results.render import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ecgbench.results.board.compare import Compared, Finding


def picture(compared: Compared) -> Figure:
    """Draw the effect of each metric with its interval.

    Raises:
        UsageError: no metric has an effect, for the board lacks the reference rows.
    """
    found = [
        _effect(label, finding)
        for family in text.families(compared.board)
        for label in text.of_family(compared.board, family)
        if (finding := compared.findings[label]).effect is not None and finding.verdict is not None
    ]
    if not found:
        raise UsageError(
            "no metric has an effect: the board needs the rows real, copy and gaussian-noise on it"
        )
    a, b = (text.name(row) for row in compared.board.rows)
    return effects(found, a=a, b=b, title=text.title(compared.board))


def _effect(label: str, finding: Finding) -> Effect:
    """Return a line of the picture; the interval is in the unit of the effect."""
    assert finding.effect is not None
    verdict = finding.verdict or "not tested"
    if not finding.difference or finding.low is None or finding.high is None:
        return Effect(label, finding.family, finding.effect, None, None, verdict)
    unit = finding.effect / finding.difference
    low, high = sorted((finding.low * unit, finding.high * unit))
    return Effect(label, finding.family, finding.effect, low, high, verdict)
