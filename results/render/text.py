"""Numbers, headings and notes as plain text, for all renderings."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.canonical import restored
from ecgbench.contracts.families import FAMILIES, OVERALL, place_of
from ecgbench.contracts.plain import plain
from ecgbench.results.board.catalogue import NOT_INSTALLED
from ecgbench.results.board.notes import seed_list
from ecgbench.results.board.uncertainty import MIN_PEOPLE, folds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecgbench.results.board.table import Board, BoardScore, Row
    from ecgbench.results.store.records import MetricRecord

ARROWS = {"higher": "↑", "lower": "↓"}

MARKS = {"passes": "✓", "fails": "✗"}
"""Of the audit's verdicts."""

MOST = 1e9
"""From here on numbers have exponents, for one of a stranger's may have 308 digits."""

ALARM = "!"
"""Beside a value significantly better than its null."""


def number(value: float | None, like: float | None = None) -> str:
    """Return three significant digits, with an exponent in place of many zeros.

    Args:
        value: to show.
        like: a number; its third significant digit is the last to show.

    >>> number(0.012345), number(12345.6), number(-0.5), number(0.0), number(None)
    ('0.0123', '12346', '-0.500', '0', '–')
    >>> number(float("nan"))
    'nan'
    >>> number(0.0123, like=0.5), number(2, like=12.3), number(0.00001234), number(3, like=1e-6)
    ('0.012', '2.0', '1.2e-05', '3.00')
    >>> number(1e9 - 1), number(1.7e308), number(12.3, like=1e300)
    ('999999999', '1.7e+308', '1.2e+01')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    magnitude = max(abs(value), abs(like or 0.0))
    if magnitude == 0:
        return "0"
    if magnitude < 1e-4 or magnitude >= MOST:
        return f"{value:.1e}"
    decimals = max(0, 2 - int(f"{magnitude:.2e}".partition("e")[2]))
    return f"{0.0 if round(value, decimals) == 0 else value:.{decimals}f}"


def aligned(values: Sequence[float | None]) -> list[str]:
    """Return numbers of one column with the same decimals: three significant digits of their median.

    >>> aligned([0.0753, 2.5812, 47.0, None])
    ['0.08', '2.58', '47.00', '–']
    >>> aligned([0.5, 1e12]), aligned([31.2, 0.0])
    (['0.500', '1.0e+12'], ['31.2', '0.0'])
    """
    sizes = sorted(abs(each) for each in values if each and math.isfinite(each))
    decimals = 0
    if sizes:
        middle = sizes[(len(sizes) - 1) // 2]
        decimals = min(4, max(0, 2 - int(f"{middle:.2e}".partition("e")[2])))
    return [
        number(each)
        if each is None or not math.isfinite(each) or abs(each) >= MOST
        else f"{0.0 if round(each, decimals) == 0 else each:.{decimals}f}"
        for each in values
    ]


def value(score: BoardScore) -> str:
    """Return a score's value, or its status if it has none."""
    return score.status if score.value is None else number(score.value, like=_largest(score))


def beside(score: BoardScore, board: Board) -> str:
    """Return the text beside the value: an alarm, and the interval or the number of seeds."""
    alarm = ALARM if is_alarm(score) else ""
    if score.value is None:
        return ""
    if score.status != "ok":
        return f"{alarm} ({len(score.seeds)} of {len(board.seeds)} seeds)".strip()
    if score.low is None or score.high is None:
        return alarm
    largest = _largest(score)
    interval = f"[{number(score.low, like=largest)}, {number(score.high, like=largest)}]"
    return f"{alarm} {interval}".strip()


def is_alarm(score: BoardScore) -> bool:
    """Return whether the value is significantly better than its null."""
    return score.against_null == "better"


def _largest(score: BoardScore) -> float:
    """Return the largest of a value and its interval: the digits of all end with its digits."""
    return max(abs(x) for x in (score.value, score.low, score.high) if x is not None)


def is_best(score: BoardScore, label: str, board: Board) -> bool:
    """Return whether no competitor is significantly better and some are worse; an alarm is never best."""
    first = score.status == "ok" and score.rank == 1 and not is_alarm(score)
    return first and any(row.scores[label].rank != 1 for row in board.rows if row.competes)


def families(board: Board) -> list[str]:
    """Return the families of the board's metrics, in order."""
    present = {metric.family for metric in board.metrics.values()}
    ordered = sorted(present, key=lambda family: (place_of(family), family))
    return [family for family in ordered if of_family(board, family)]


def of_family(board: Board, family: str) -> dict[str, MetricRecord]:
    """Return the metrics of a family by label, without those skipped in every row: notes name them."""
    return {
        label: metric
        for label, metric in board.metrics.items()
        if metric.family == family
        and any(
            row.scores[label].status != "skipped" or row.scores[label].seeds for row in board.rows
        )
    }


def heading(label: str, metric: MetricRecord, audit: str | None = None) -> str:
    """Return a metric's name with its arrow and its audit's mark; in parentheses if it is never ranked."""
    if metric.family == NOT_INSTALLED:
        return f"({plain(label)})"
    text = f"{plain(label)} {ARROWS[metric.better]}{MARKS.get(audit or '', '')}"
    return text if metric.ranked else f"({text})"


def wrapped(heading: str, width: int) -> list[str]:
    """Return a heading in lines, broken after hyphens if it is wider than its column: paper is narrow."""
    lines = [""]
    for part in heading.replace("-", "-\n").split("\n"):
        if lines[-1] and len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def divided(widths: Mapping[str, int], room: int, gap: int) -> list[list[str]]:
    """Return columns in groups that fit beside each other; a too wide one stands alone.

    Args:
        widths: of each column, by name.
        room: for all columns of a group.
        gap: before each column.
    """
    groups: list[list[str]] = []
    left = 0
    for label, width in widths.items():
        left -= gap + width
        if not groups or left < 0:
            groups.append([])
            left = room - gap - width
        groups[-1].append(label)
    return groups


def name(row: Row) -> str:
    """Return a row's label, marked if its windows or its results were made elsewhere."""
    marks = ", ".join(filter(None, ("submitted" * row.generator.submitted, row.merged)))
    return plain(row.label) + (f" ({marks})" if marks else "")


def rank_columns(board: Board) -> list[str]:
    """Return overall, then the families with ranks; nothing if there are no two competitors."""
    if len(board.competitors) < 2:
        return []
    ranked = {family for row in board.competitors for family in row.ranks}
    known = {metric.family for metric in board.metrics.values()} - set(FAMILIES)
    return [f for f in ("overall", *FAMILIES, *sorted(known)) if f in ranked]


def behind_ranks(board: Board) -> str:
    """Return the number of metrics behind the ranks of each family, e.g. ``fidelity 9, utility 2``."""
    count = Counter(metric.family for metric in board.metrics.values() if metric.ranked)
    return ", ".join(f"{plain(f)} {count[f]}" for f in rank_columns(board) if count[f])


def title(board: Board) -> str:
    """Return one line: dataset and study."""
    return f"{board.dataset.name} · study {plain(board.study)}"


def facts(board: Board) -> str:
    """Return one line: seeds, people and data."""
    people = f" · {board.people} people" if board.people > 1 else ""
    return f"{seed_list(board.seeds)}{people} · data {board.dataset.digest[:8]}"


def settings(board: Board) -> str:
    """Return all settings but the defaults, in one line; empty without any.

    A row's label may name its settings, and they are not repeated.
    """
    first: list[str] = []
    parts: list[str] = []
    for key, given in sorted(board.settings.items()):
        if key == "windows":
            first.insert(0, f"a subsample of {plain(str(given))} windows")
        elif key == "nested":
            first.append(f"the training windows of seed {plain(str(given))} alone")
        elif key == "smoke":
            first.append("smoke settings of every plugin")
        else:
            parts.append(_setting(key, given))
    for row in board.rows:
        if row.generator.changed and ":" not in row.label:
            changed = sorted(row.generator.changed.items())
            own = ", ".join(_setting(key, given) for key, given in changed)
            parts.append(f"{row.label} ({own})")
    return ", ".join([*first, *parts])


def _setting(key: str, given: Any) -> str:
    return f"{plain(key)} = {plain(str(restored(given)))}"


def notes(board: Board) -> list[str]:
    """Return sentences for readers: on the results, on how to read the board, and on its gaps."""
    return [
        *map(plain, board.notes),
        *_legend(board),
        *of_null(board),
        *_front(board),
        *_merged(board),
        *_audited(board),
        *gaps(board),
    ]


def _legend(board: Board) -> list[str]:
    count = folds(board.seeds)
    mean = f"mean over {seed_list(board.seeds)}" if len(board.seeds) > 1 else "one seed"
    lines = [f"Value: {mean} ({count} of 2 folds)."]
    scores = [score for row in board.rows for score in row.scores.values()]
    if any(score.low is not None for score in scores):
        lines[0] += f" [ ]: 95% interval, bootstrap over {board.people} people."
    else:
        lines[0] += (
            f" No intervals: they need {MIN_PEOPLE} people, and what each contributes to the metric."
        )
    if columns := rank_columns(board):
        counted = ", ".join(family for family in OVERALL if family in columns)
        lines.append(
            "Rank: 1 + the number of competitors that are significantly better (paired by person and "
            f"seed, Holm), averaged over metrics ({behind_ranks(board)}); overall: {counted}. What failed "
            "or is missing ranks last. Bold: nobody is significantly better. Reference rows calibrate "
            "the board."
        )
        if any(row.lacking for row in board.competitors):
            lines.append("A row of which some seeds were not asked is ranked by those that it has.")
        if any(score.value is not None and score.spread is None for score in scores):
            lines.append(
                "With one seed a fold, the noise of training is unknown to the ranks, and scores "
                "without an interval are ranked by value: publish with six seeds or more."
            )
    return lines


def of_null(board: Board) -> list[str]:
    """Return how scores of privacy count."""
    shown = {
        label: metric.null
        for label, metric in board.metrics.items()
        if metric.null is not None
        and any(row.scores[label].against_null is not None for row in board.rows)
    }
    if not shown:
        return []
    nulls = "; ".join(
        f"{number(null)} of {', '.join(plain(k) for k, of in shown.items() if of == null)}"
        for null in dict.fromkeys(shown.values())
    )
    line = (
        f"Null, what windows read that learnt nothing of single windows or people: {nulls}. A value that "
        "is not significantly worse counts as the null, and nothing ranks better."
    )
    if any(is_alarm(row.scores[label]) for row in board.rows for label in shown):
        line += f" {ALARM}: significantly better than the null, an alarm."
    return [line]


def _front(board: Board) -> list[str]:
    """Return the competitors on the front between utility and privacy."""
    if len(board.competitors) < 2 or not board.front:
        return []
    names = ", ".join(name(row) for row in board.competitors if row.label in board.front)
    how = (
        "lacks a score, or somebody is significantly better at one of the two and worse at neither"
    )
    return [f"Utility–privacy front: {names}. Whoever is not on it {how}."]


def _merged(board: Board) -> list[str]:
    """Return which rows were made elsewhere and are not compared."""
    lines = []
    if board.shown:
        lines.append(
            f"Not ranked, and no rank depends on it: {', '.join(map(name, board.shown))}. Whoever made the "
            "archive may have invented it; ecgbench merge --verify scores its windows again here, --trust "
            "takes it for yours."
        )
    missing = [k for k, metric in board.metrics.items() if metric.family == NOT_INSTALLED]
    if missing:
        lines.append(
            f"Not installed here in this version, so never ranked: {', '.join(map(plain, missing))} "
            "(--plugin names a file)."
        )
    return lines


def _audited(board: Board) -> list[str]:
    """Return which metrics were shown to see their claims."""
    if not board.audit:
        return ["Audit: none of these metrics has been audited on such windows (ecgbench audit)."]
    of = {
        verdict: [plain(label) for label, found in board.audit.items() if found == verdict]
        for verdict in ("passes", "fails", "open", "skipped")
    }
    lines = [f"✓ passes its audit: {', '.join(of['passes'])}."] if of["passes"] else []
    if of["fails"]:
        lines.append(f"✗ fails its audit, so never ranked: {', '.join(of['fails'])}.")
    if of["open"]:
        lines.append(f"Claims to see nothing, so never ranked: {', '.join(of['open'])}.")
    if of["skipped"]:
        lines.append(f"Skipped by the audit, as it does not apply: {', '.join(of['skipped'])}.")
    if missing := [
        plain(label)
        for label, metric in board.metrics.items()
        if metric.family in OVERALL and label not in board.audit
    ]:
        lines.append(f"Not audited on such windows (ecgbench audit): {', '.join(missing)}.")
    return lines


def gaps(board: Board) -> list[str]:
    """Return a line for each reason of missing scores, with its metrics and rows."""
    rows_of: dict[tuple[str, str, str], list[str]] = {}
    for row in board.rows:
        for label, score in row.scores.items():
            if score.status != "ok":
                rows_of.setdefault((score.status, plain(score.reason), label), []).append(name(row))
    labels_of: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (status, reason, label), without in rows_of.items():
        labels_of.setdefault((status, reason, tuple(without)), []).append(plain(label))
    lines = []
    for (status, reason, rows), labels in labels_of.items():
        what = "every metric" if len(labels) == len(board.metrics) else ", ".join(labels)
        who = "all rows" if len(rows) == len(board.rows) else ", ".join(rows)
        lines.append(f"{status}: {what} ({who}): {reason}")
    left_out: dict[tuple[int, ...], list[str]] = {}
    for row in board.rows:
        if row.left_out:
            left_out.setdefault(row.left_out, []).append(name(row))
    for seeds, rows_with in left_out.items():
        lines.append(
            f"left out: {seed_list(seeds)} ({', '.join(rows_with)}): rows are compared on the same "
            "seeds, and too few have run these"
        )
    return lines
