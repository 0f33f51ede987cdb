"""The board's renderings: terminal, Markdown, CSV, JSON, LaTeX, and a picture of its front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ecgbench.results.render.csv import to_csv
from ecgbench.results.render.front import to_png
from ecgbench.results.render.json import to_json
from ecgbench.results.render.latex import to_latex
from ecgbench.results.render.markdown import to_markdown
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ecgbench.results.board.table import Board
    from ecgbench.results.store.store import Store

Format = Literal["markdown", "csv", "json", "latex"]
SUFFIX: dict[Format, str] = {"markdown": "md", "csv": "csv", "json": "json", "latex": "tex"}

__all__ = ["SUFFIX", "Format", "remove_boards", "render", "write_boards"]


def render(boards: list[Board], form: Format) -> str:
    """The boards as text of a format."""
    made = {"markdown": to_markdown, "csv": to_csv, "json": to_json, "latex": to_latex}
    return made[form](boards)


def write_boards(boards: list[Board], store: Store) -> list[Path]:
    """Write ``board/<dataset>.{md,csv,json,tex}`` in the store, and the front; return the paths.

    ``board/<dataset>-front.png`` is of the boards on which competitors choose between utility and privacy.
    """
    paths = []
    for dataset in dict.fromkeys(board.dataset.name for board in boards):
        of_dataset = [board for board in boards if board.dataset.name == dataset]
        for form, suffix in SUFFIX.items():
            path = store.path / "board" / f"{dataset}.{suffix}"
            write(path, render(of_dataset, form).encode())
            paths.append(path)
        if picture := to_png(of_dataset):
            path = store.path / "board" / f"{dataset}-front.png"
            write(path, picture)
            paths.append(path)
    return paths


def remove_boards(datasets: Iterable[str], store: Store) -> None:
    """Remove what `write_boards` has written of datasets that have no board any more."""
    for dataset in datasets:
        for name in (
            *(f"{dataset}.{suffix}" for suffix in SUFFIX.values()),
            f"{dataset}-front.png",
        ):
            (store.path / "board" / name).unlink(missing_ok=True)
