"""The board's renderings: terminal, Markdown, CSV, JSON, LaTeX, and a picture of its front."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecgbench.results.render.csv import to_csv
from ecgbench.results.render.front import to_png
from ecgbench.results.render.json import to_json
from ecgbench.results.render.latex import to_latex
from ecgbench.results.render.markdown import to_markdown
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ecgbench.results.board.table import Board
    from ecgbench.results.store.store import Store

__all__ = ["FORMATS", "Format", "remove_boards", "render", "write_boards"]


class Format(NamedTuple):
    """A format of boards as text.

    Attributes:
        suffix: of its files, without the dot.
        render: makes the text of boards.
    """

    suffix: str
    render: Callable[[list[Board]], str]


FORMATS = {
    "markdown": Format("md", to_markdown),
    "csv": Format("csv", to_csv),
    "json": Format("json", to_json),
    "latex": Format("tex", to_latex),
}
"""By name.  A further format is a file in this folder and a line here."""


def render(boards: list[Board], form: str) -> str:
    """Return the boards as text.

    Args:
        boards: one or several.
        form: a name in `FORMATS`.
    """
    return FORMATS[form].render(boards)


def write_boards(boards: list[Board], store: Store) -> list[Path]:
    """Write ``board/<dataset>.{md,csv,json,tex}`` in the store, and the front; return the paths.

    ``board/<dataset>-front.png`` shows the boards with competitors between utility and privacy.
    """
    paths = []
    for dataset in dict.fromkeys(board.dataset.name for board in boards):
        of_dataset = [board for board in boards if board.dataset.name == dataset]
        for form in FORMATS.values():
            path = store.path / "board" / f"{dataset}.{form.suffix}"
            write(path, form.render(of_dataset).encode())
            paths.append(path)
        if picture := to_png(of_dataset):
            path = store.path / "board" / f"{dataset}-front.png"
            write(path, picture)
            paths.append(path)
    return paths


def remove_boards(datasets: Iterable[str], store: Store) -> None:
    """Remove the files of `write_boards` for datasets without a board."""
    for dataset in datasets:
        for name in (
            *(f"{dataset}.{form.suffix}" for form in FORMATS.values()),
            f"{dataset}-front.png",
        ):
            (store.path / "board" / name).unlink(missing_ok=True)
