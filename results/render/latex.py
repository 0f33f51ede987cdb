"""The boards as LaTeX tables (package booktabs): each family in as many as a narrow page asks for."""

from __future__ import annotations

import unicodedata
from math import ceil
from typing import TYPE_CHECKING

from ecgbench.contracts.plain import plain
from ecgbench.results.render import text

if TYPE_CHECKING:
    from ecgbench.results.board.table import Board, Row

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after \\ a bracket would begin an argument
    "]": "{]}",
    "*": "{*}",  # and a star a variant
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": "--",
    "·": r"$\cdot$",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "µ": r"\textmu{}",
    "’": "'",
    "✓": r"$^+$",
    "✗": r"$^\circ$",
}


ROOM = 70
"""Digits of ``\\small`` in a line of an article at 10 pt: 345 pt of 4.6 pt, and some for wide letters."""

GAP = 3
"""Digits in the space before a column: two ``\\tabcolsep``, 12 pt."""

SMALLER = 0.78
"""Width of ``\\scriptsize``, in that of ``\\small``."""


def to_latex(boards: list[Board]) -> str:
    """Return the boards, one after the other."""
    return "\n".join(_board(board) for board in boards)


def _board(board: Board) -> str:
    title = text.title(board)
    settings = text.settings(board)
    about = f"{title}, {text.facts(board)}{settings and ', '}{settings}"
    parts = [f"% {_safe(about)}", "% needs \\usepackage{booktabs}"]
    if columns := text.rank_columns(board):
        ranks = [
            [_safe(text.name(row)), *(str(row.ranks[column]) for column in columns)]
            for row in board.competitors
        ]
        head = [["rank"], *([column] for column in columns)]
        parts.append(_table(head, [ranks], f"{about}: ranks."))
    for family in text.families(board):
        parts += _family(board, family, about)
    notes = "\n".join(rf"\item {_safe(line)}" for line in text.notes(board))
    parts.append(f"\\begin{{itemize}}\n{notes}\n\\end{{itemize}}\n")
    return "\n".join(parts)


def _family(board: Board, family: str, about: str) -> list[str]:
    """Return the tables of a family."""
    headings, widths = {}, {}
    for label, metric in text.of_family(board, family).items():
        scores = [row.scores[label] for row in board.rows]
        cells = [len(text.value(score)) for score in scores]
        cells += [ceil(SMALLER * len(text.beside(score, board))) for score in scores]
        heading = text.heading(label, metric, board.audit.get(label))
        headings[label] = text.wrapped(heading, max(cells))
        widths[label] = max(*cells, *map(len, headings[label]))
    names = max(len(text.name(row)) for row in board.rows)
    groups = text.divided(widths, ROOM - names, GAP)
    tables = []
    for place, labels in enumerate(groups, 1):
        rows = [
            [line for row in rows for line in _lines(row, labels, board)]
            for rows in (board.competitors, board.references, board.shown)
        ]
        part = f" ({place} of {len(groups)})" if len(groups) > 1 else ""
        head = [[family], *(headings[label] for label in labels)]
        tables.append(_table(head, rows, f"{about}: {plain(family)}{part}."))
    return tables


def _lines(row: Row, labels: list[str], board: Board) -> list[list[str]]:
    """Return a line of values and, if there are intervals, one of these below it."""
    name = _safe(text.name(row))
    values, besides = [rf"\textit{{{name}}}" if row.generator.reference else name], [""]
    for label in labels:
        score = row.scores[label]
        shown, beside = _safe(text.value(score)), _safe(text.beside(score, board))
        values.append(rf"\textbf{{{shown}}}" if text.is_best(score, label, board) else shown)
        besides.append(rf"\scriptsize {beside}" if beside else "")
    return [values, besides] if any(besides) else [values]


def _table(head: list[list[str]], groups: list[list[list[str]]], caption: str) -> str:
    """Return a table; its headings are lists of lines."""
    lines = [r"\begin{table}", r"\centering", r"\small", rf"\caption{{{_safe(caption)}}}"]
    lines.append(rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}")
    lines.append(r"\toprule")
    height = max(map(len, head))
    for place in range(height):  # the last line of each stands above the rule
        cells = [["", *heading][max(0, place + 1 - height + len(heading))] for heading in head]
        lines.append(_line([_safe(plain(cell)) for cell in cells]))
    for group in groups:
        if group:
            lines += [r"\midrule", *map(_line, group)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _safe(line: str) -> str:
    """Return text that LaTeX sets as it is; a letter unknown to pdfLaTeX becomes its parts."""
    return "".join(SPECIAL.get(c) or (c if c.isascii() else _ascii(c)) for c in line)


def _ascii(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    return "".join(SPECIAL.get(c, c) for c in parts if c.isascii()) or "?"
