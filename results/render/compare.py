"""Two rows of a board beside each other, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from rich.table import Table
from rich.text import Text

from ecgbench.contracts.families import OVERALL
from ecgbench.contracts.plain import plain
from ecgbench.results.board.compare import ENDS, Verdict
from ecgbench.results.board.notes import seed_list
from ecgbench.results.board.uncertainty import LEVEL, folds
from ecgbench.results.render import text
from ecgbench.results.render.grid import GAP, RULED
from ecgbench.results.render.staircase import broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from ecgbench.results.board.compare import Compared, Finding, Summary, Together
    from ecgbench.results.board.table import Board

NAME = 20
"""Columns for a metric's name: with two long rows a line of 80 columns has no more."""

VERDICT = 24
"""Columns for a verdict; a narrow terminal breaks it once more, between words."""

HEADING = 10
"""Columns for a heading, in several lines if need be."""

STYLES = {
    "no difference seen": "dim",
    "not tested": "yellow",
    "missing": "yellow",
    "open": "yellow",
}


def show_compared(compared: Compared, console: Console) -> None:
    """Print a comparison: a table of metrics, one of families, and notes."""
    board = compared.board
    console.print()
    console.rule(Text(text.title(board), style="bold"), style="dim")
    console.print(Text(text.facts(board), style="dim"), justify="center")
    if settings := text.settings(board):
        console.print(Text(settings, style="dim"), justify="center")
    for table in (_metrics(compared), _summaries(compared)):
        console.print()
        console.print(table)
    console.print()
    notes = Table.grid(padding=(0, 1))
    for line in board.notes:
        notes.add_row("·", Text(plain(line)))
    for line in _notes(compared):
        notes.add_row(Text("·", style="dim"), Text(line, style="dim"))
    console.print(notes)


def _metrics(compared: Compared) -> Table:
    """Two lines for each metric: what is found, and below it the verdict and the interval."""
    board = compared.board
    a, b = (text.name(row) for row in board.rows)
    table = _table("metric", [a, b, "difference", "effect", "p"], room=len("no difference seen"))
    for family in text.families(board):
        for label, metric in text.of_family(board, family).items():
            finding = compared.findings[label]
            name = [*map(Text, broken(text.heading(label, metric), NAME))]
            if finding.verdict:
                said = _said(finding.verdict, a, b)
                name += [Text(line, style=said.style) for line in broken(said.plain, VERDICT)]
            table.add_row(Text("\n").join(name), *map(Text, _numbers(finding, board)))
        table.add_section()
    return table


def _numbers(finding: Finding, board: Board) -> tuple[str, ...]:
    """Both values, their difference above its interval, the effect and p."""
    values = (
        f"{text.value(score)}{f' {text.ALARM}' if text.is_alarm(score) else ''}"
        if score.status == "ok"
        else f"{text.value(score)}\n{text.beside(score, board)}".rstrip()
        for score in (finding.a, finding.b)
    )
    known = [x for x in (finding.difference, finding.low, finding.high) if x is not None]
    difference, *interval = [text.number(x, like=max(map(abs, known))) for x in known] or ["–"]
    return (
        *values,
        f"{difference}\n[{', '.join(interval)}]" if interval else difference,
        "–" if finding.effect is None else f"{finding.effect:+.2f}",
        "–" if finding.p is None else f"{finding.p:.3f}" if finding.p >= 0.001 else "<.001",
    )


def _summaries(compared: Compared) -> Table:
    a, b = (text.name(row) for row in compared.board.rows)
    table = _table("family", [a, b, "neither", "not tested", "missing"])
    table.add_column("verdict")
    for family, summary in compared.families.items():
        table.add_row(Text(plain(family)), *_counts(summary), _said(summary.verdict, a, b))
    if compared.overall:
        table.add_section()
        overall = _said(compared.overall.verdict, a, b)
        table.add_row("overall", *_counts(compared.overall), overall)
    return table


def _counts(summary: Summary) -> Iterator[str]:
    return (str(summary.counts.get(verdict, "–")) for verdict in get_args(Verdict))


def _table(first: str, columns: Iterable[str], room: int = 0) -> Table:
    table = Table(
        box=RULED,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="",
        border_style="dim",
    )
    headings = [(column, broken(column, HEADING)) for column in columns]
    height = max(len(lines) for _, lines in headings)
    top = Text("\n" * (height - 1) + first, style="bold cyan")
    table.add_column(top, overflow="fold", min_width=room)
    for column, lines in headings:
        heading = "\n".join([""] * (height - len(lines)) + [line.strip() for line in lines])
        is_short = column in ("effect", "p")
        table.add_column(Text(heading), justify="right", overflow="fold", no_wrap=is_short)
    return table


def _said(verdict: Verdict | Together, a: str, b: str) -> Text:
    """A verdict with the rows' names in it; bold where one is better."""
    better = {"A better": f"{a} better", "B better": f"{b} better"}
    if verdict in better:
        return Text(better[verdict], style="bold")
    return Text(verdict, style=STYLES.get(verdict, ""))


def _notes(compared: Compared) -> Iterator[str]:
    """How to read the tables, and why anything is missing from them."""
    board = compared.board
    a, b = (text.name(row) for row in board.rows)
    yield (
        f"Difference: {a} − {b}, mean over {seed_list(board.seeds)}, paired by person and seed. Effect: "
        f"in {a}’s favour, in units of the range of {', '.join(ENDS)}."
    )
    yield (
        f"p: of no difference, corrected for {compared.compared} metrics (Holm); better: p ≤ "
        f"{1 - LEVEL:.2f}."
    )
    yield (
        "Families: by how many metrics each is better. Mixed: each by some. Overall: "
        f"{', '.join(OVERALL)}."
    )
    if len(board.seeds) == folds(board.seeds):
        yield (
            "With one seed a fold, the noise of training is unknown: better may be luck with the seed. "
            "Compare with six seeds or more."
        )
    verdicts = {finding.verdict for finding in compared.findings.values()}
    if "not tested" in verdicts:
        yield "Not tested: there is neither an interval over people nor a second seed in a fold."
    summaries = [*compared.families.values(), compared.overall]
    if any(summary is not None and summary.verdict == "open" for summary in summaries):
        yield "Open: better, but without a value where the other has one."
    yield from text.of_null(board)
    yield from text.gaps(board)
