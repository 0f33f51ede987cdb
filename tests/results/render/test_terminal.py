from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecgbench.results.render import text
from ecgbench.results.render.terminal import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board


def shown(board: Board, width: int, *, colour: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    show([board], console)
    return stream.getvalue()


@pytest.mark.parametrize("competitors", [1, 3, 15])
def test_tables_stay_readable_at_any_width(
    realistic: Callable[..., Board], competitors: int
) -> None:
    board = realistic(competitors)
    for width in (80, 100, 140):
        lines = shown(board, width).splitlines()
        assert max(map(cell_len, lines)) <= width
        for row in board.rows:
            own = " ".join(line for line in lines if line.split(" ")[0] == row.label)
            for label, score in row.scores.items():
                beside = text.beside(score, board)
                assert f"{text.value(score)} {beside}".strip() in own, label


def test_every_metric_is_a_column_with_its_arrow(realistic: Callable[..., Board]) -> None:
    out = "".join(shown(realistic(), 80).split())
    for heading in ("inception-", "score↑", "mmd↓", "fit-", "time↓", "sample-", "rate↑"):
        assert heading in out


def test_a_wide_terminal_has_one_table_a_family(realistic: Callable[..., Board]) -> None:
    lines = shown(realistic(), 140).splitlines()
    assert sum(line.startswith("fidelity ") for line in lines) == 1
    assert sum(line.startswith("fidelity ") for line in shown(realistic(), 80).splitlines()) == 2


def test_reference_rows_stand_below_a_line(realistic: Callable[..., Board]) -> None:
    lines = shown(realistic(), 140).splitlines()
    (place,) = [i for i, line in enumerate(lines) if line.startswith("privacy ")]
    below = ["─" if set(line) == {"─"} else line.split(" ")[0] for line in lines[place + 1 :]]
    assert below[0] == below[4] == "─"
    assert set(below[1:4]) == {"timegan", "pca-gaussian", "gmm"}
    assert below[5:9] == ["real", "copy", "noisy-copy", "gaussian-noise"]


def test_what_is_wrong_is_seen_and_explained(realistic: Callable[..., Board]) -> None:
    out = " ".join(shown(realistic(), 80).split())
    assert "(1 of 2 seeds)" in out
    assert "failed: mmd (timegan): MemoryError: 3 GiB" in out
    assert "failed: every metric (gmm): seed 1: loss is NaN at step 312" in out
    assert "skipped: parameters (real, copy, noisy-copy, gaussian-noise): it does not say" in out


def test_the_best_stand_out(realistic: Callable[..., Board]) -> None:
    out = shown(realistic(), 140, colour=True)
    assert re.search(r"\x1b\[1m *2\.41", out)
    assert not re.search(r"\x1b\[1m *4\.00", out)


def test_foreign_text_is_neither_markup_nor_control(hostile: Board) -> None:
    out = shown(hostile, 200)
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "[bold]b[/bold] [/]" in out


def test_foreign_text_changes_no_colours(hostile: Board) -> None:
    assert "\x1b[31mred" not in shown(hostile, 200, colour=True)


def test_an_alarm_is_red_and_explained(alarming: Board) -> None:
    plain = " ".join(shown(alarming, 80).split())
    assert "0.220 ! [0.2" in plain
    assert "were they drawn from train alone?" in plain
    assert "thief (seeds 0, 1): it left files behind" in plain
    assert re.search(r"\x1b\[1;31m *0\.220", shown(alarming, 140, colour=True))


def test_a_terminal_too_narrow_for_anything_still_shows_all(
    realistic: Callable[..., Board],
) -> None:
    assert max(map(cell_len, shown(realistic(), 30).splitlines())) <= 30
