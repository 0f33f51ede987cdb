"""A grid is drawn as rich draws the same table."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ecgbench.results.render.grid import Grid

GRID = Grid(
    ["fidelity", "mmd ↓", "a-long-heading ↑"],
    [
        [(("gmm", ""),), (("0.1", "bold"), (" [0.0, 0.2]", "dim")), (("7", "bold"),)],
        [(("日本語", "italic"),), (("failed", "red"), ("           ", "red")), (("12", ""),)],
        [(("real [bold]", ""),), (("  –", ""), ("", "dim")), (("123", ""),)],
    ],
    {1, 2},
)


def drawn(grid: object, width: int, *, colour: bool) -> str:
    stream = io.StringIO()
    Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    ).print(grid)
    return stream.getvalue()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [10, 30, 46, 47, 200])
def test_a_grid_is_drawn_as_rich_draws_the_same_table(width: int, colour: bool) -> None:
    assert drawn(GRID, width, colour=colour) == drawn(GRID._table(), width, colour=colour)


def test_a_grid_without_rows_is_its_heading() -> None:
    assert drawn(Grid(["rank", "overall"]), 40, colour=False).splitlines()[0] == "rank  overall"
