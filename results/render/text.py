"""What the renderings share: numbers, headings and notes as plain text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from ecgbench.results.board import FAMILIES, OVERALL

if TYPE_CHECKING:
    from ecgbench.results.board import Board, BoardScore, Row
    from ecgbench.results.records import MetricRecord

ARROWS = {"higher": "↑", "lower": "↓"}


def plain(text: str) -> str:
    """Text from a plugin or a store on one line, without control characters."""
    shown = (c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join("".join(shown).split())


def number(value: float | None) -> str:
    """Three significant digits, never in exponents that a reader has to decode.

    >>> number(0.012345), number(12345.6), number(-0.5), number(0.0), number(None)
    ('0.0123', '12346', '-0.500', '0', '–')
    """
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:#.3g}".rstrip(".")


def interval(score: BoardScore) -> str:
    """The interval over people, or nothing."""
    if score.low is None or score.high is None:
        return ""
    return f"[{number(score.low)}, {number(score.high)}]"


def value(score: BoardScore, seeds: int) -> str:
    """A score's value, with its status where it is not well, and its seeds where some are missing."""
    if score.value is None:
        return score.status
    if score.status == "ok" and len(score.seeds) == seeds:
        return number(score.value)
    flaw = "" if score.status == "ok" else f" {score.status}"
    return f"{number(score.value)} ({len(score.seeds)}/{seeds} seeds{flaw})"


def families(board: Board) -> list[str]:
    """The families that the board has metrics of, in order."""
    found = {metric.family for metric in board.metrics.values()}
    return [f for f in FAMILIES if f in found] + sorted(found - set(FAMILIES))


def of_family(board: Board, family: str) -> dict[str, MetricRecord]:
    """The metrics of a family, by label."""
    return {k: m for k, m in board.metrics.items() if m.family == family}


def heading(label: str, metric: MetricRecord) -> str:
    """A metric's name with its arrow; in parentheses where it is never ranked."""
    text = f"{plain(label)} {ARROWS[metric.better]}"
    return text if metric.ranked else f"({text})"


def name(row: Row) -> str:
    """A row's label, marked where its windows were made elsewhere."""
    return plain(row.label) + (" (submitted)" if row.generator.submitted else "")


def rank_columns(board: Board) -> list[str]:
    """Overall, then the families that have ranks."""
    ranked = {family for row in board.competitors for family in row.ranks}
    return [f for f in ("overall", *families(board)) if f in ranked]


def title(board: Board) -> str:
    """One line: dataset and study."""
    return f"{board.dataset.name} · study {plain(board.study)}"


def settings(board: Board) -> str:
    """What differs from the defaults, in one line; empty for nothing."""
    return ", ".join(f"{k}={plain(str(v))}" for k, v in sorted(board.settings.items()))


def notes(board: Board) -> list[str]:
    """How to read the board, and why anything is missing from it."""
    seeds = ", ".join(map(str, board.seeds))
    folds = {seed % 2 for seed in board.seeds}
    lines = [f"Mean over seeds {seeds} ({len(folds)} of 2 folds)."]
    if board.people > 1:
        lines[0] += f" [ ]: 95% interval, bootstrap over {board.people} people."
    else:
        lines[0] += " No intervals: they need several people."
    if board.competitors:
        counted = ", ".join(f for f in OVERALL if f in rank_columns(board))
        lines.append(
            "Rank: 1 + the number of competitors that are significantly better (paired by person and "
            f"seed, Holm), averaged over metrics; overall over {counted}. Failed or missing scores "
            "rank last. Reference rows calibrate and are not ranked."
        )
    if set(map(len, (s.seeds for r in board.rows for s in r.scores.values()))) & {1}:
        lines.append("With one seed a fold, the spread over seeds is unknown; publish six or more.")
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in board.rows:
        for label, score in row.scores.items():
            if score.status != "ok":
                found.setdefault((score.status, label, plain(score.reason)), []).append(name(row))
    by_reason: dict[tuple[str, str, str], list[str]] = {}
    for (status, label, reason), rows in found.items():
        who = "all rows" if len(rows) == len(board.rows) else ", ".join(rows)
        by_reason.setdefault((status, who, reason), []).append(plain(label))
    for (status, who, reason), labels in by_reason.items():
        what = "every metric" if len(labels) == len(board.metrics) else ", ".join(labels)
        lines.append(f"{status}: {what} ({who}): {reason}")
    return lines
