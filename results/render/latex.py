"""The boards as LaTeX tables (package booktabs), one for each family."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": "--",
    "·": r"$\cdot$",
    "−": "$-$",
}


def to_latex(boards: list[Board]) -> str:
    """The boards, one after the other."""
    return "\n".join(_board(board) for board in boards)


def _board(board: Board) -> str:
    parts = [f"% {text.title(board)}"]
    if columns := text.rank_columns(board):
        rows = [[text.name(r), *(str(r.ranks.get(c, "–")) for c in columns)] for r in board.rows]
        ranked = rows[: len(board.competitors)]
        parts.append(_tabular(["rank", *columns], ranked, [], f"{text.title(board)}: ranks"))
    for family in text.families(board):
        labels = text.of_family(board, family)
        head = [family, *(text.heading(k, m) for k, m in labels.items())]
        competitors = [_scores(row, list(labels), board) for row in board.competitors]
        references = [_scores(row, list(labels), board) for row in board.references]
        caption = f"{text.title(board)}: {family}. " + " ".join(text.notes(board)[:2])
        parts.append(_tabular(head, competitors, references, caption))
    return "\n".join(parts)


def _scores(row: Row, labels: list[str], board: Board) -> list[str]:
    cells = [text.name(row)]
    for label in labels:
        score = row.scores[label]
        cells.append(f"{text.value(score, len(board.seeds))} {text.interval(score)}".strip())
    return cells


def _tabular(
    head: list[str], rows: list[list[str]], references: list[list[str]], caption: str
) -> str:
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_safe(caption)}}}"]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", _line(head)]
    for group in (rows, references):
        if group:
            lines += [r"\midrule", *map(_line, group)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _line(cells: list[str]) -> str:
    return " & ".join(map(_safe, cells)) + r" \\"


def _safe(line: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(SPECIAL.get(c, c) for c in line)
