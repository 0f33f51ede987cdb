"""The boards as LaTeX tables (package booktabs), one for each family."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from ecgbench.harness.plain import plain
from ecgbench.results.render import text

if TYPE_CHECKING:
    from ecgbench.results.board import Board, Row

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


def to_latex(boards: list[Board]) -> str:
    """The boards, one after the other."""
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
        parts.append(_table(["rank", *columns], [ranks], f"{about}: ranks."))
    for family in text.families(board):
        metrics = text.of_family(board, family)
        marks = board.audit
        head = [family, *(text.heading(k, metric, marks.get(k)) for k, metric in metrics.items())]
        groups = [
            [line for row in rows for line in _lines(row, list(metrics), board)]
            for rows in (board.competitors, board.references, board.shown)
        ]
        parts.append(_table(head, groups, f"{about}: {plain(family)}."))
    notes = "\n".join(rf"\item {_safe(line)}" for line in text.notes(board))
    parts.append(f"\\begin{{itemize}}\n{notes}\n\\end{{itemize}}\n")
    return "\n".join(parts)


def _lines(row: Row, labels: list[str], board: Board) -> list[list[str]]:
    """A line of values and, where there are any, one of intervals below it."""
    name = _safe(text.name(row))
    values, besides = [rf"\textit{{{name}}}" if row.generator.reference else name], [""]
    for label in labels:
        score = row.scores[label]
        shown, beside = _safe(text.value(score)), _safe(text.beside(score, board))
        values.append(rf"\textbf{{{shown}}}" if text.is_best(score, label, board) else shown)
        besides.append(rf"\scriptsize {beside}" if beside else "")
    return [values, besides] if any(besides) else [values]


def _table(head: list[str], groups: list[list[list[str]]], caption: str) -> str:
    lines = [r"\begin{table}", r"\centering", r"\small", rf"\caption{{{_safe(caption)}}}"]
    lines.append(rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}")
    lines += [r"\toprule", _line([_safe(plain(cell)) for cell in head])]
    for group in groups:
        if group:
            lines += [r"\midrule", *map(_line, group)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _safe(line: str) -> str:
    """Text that LaTeX sets as it is; of a letter that pdfLaTeX does not know, what it is made of."""
    return "".join(SPECIAL.get(c) or (c if c.isascii() else _ascii(c)) for c in line)


def _ascii(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    return "".join(SPECIAL.get(c, c) for c in parts if c.isascii()) or "?"
