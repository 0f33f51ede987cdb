from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecgbench.results.render import text
from ecgbench.results.render.headline import headline
from ecgbench.results.render.markdown import headline_of, to_markdown
from ecgbench.results.render.staircase import broken, steps
from ecgbench.results.render.terminal import summarise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.results.board.table import Board
    from tests.results.conftest import Bench


def shown(board: Board, width: int = 80, metrics: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    summarise([board], Console(file=stream, width=width, color_system=None), metrics)
    return stream.getvalue()


def table(out: str) -> list[str]:
    """Return the lines of the table, heading included."""
    lines = out.splitlines()
    rules = [place for place, line in enumerate(lines) if line and set(line) == {"─"}]
    end = next(p for p in range(rules[-1] + 1, len(lines)) if not lines[p].strip())
    return [line for line in lines[3:end] if line.strip()]


@pytest.mark.parametrize("competitors", [2, 15])
@pytest.mark.parametrize("width", [80, 140])
def test_it_fits_80_columns_and_holds_every_row(
    realistic: Callable[..., Board], competitors: int, width: int
) -> None:
    board = realistic(competitors)
    lines = table(shown(board, width))
    assert max(map(cell_len, lines)) <= 80
    for row in board.rows:
        [own] = [line for line in lines if line.split(" ")[0] == row.label]
        for label in board.headline:
            column = [each.scores[label].value for each in board.rows]
            value = text.aligned(column)[board.rows.index(row)]
            assert row.scores[label].value is None or value in own


def test_every_heading_is_whole_and_ends_above_its_column() -> None:
    lines = steps(["overall", "cross-classification ↑", "mmd ↓"], [2, 5, 7], 24)
    assert [line.rstrip("│ ") for line in lines] == [
        "mmd ↓".rjust(44),
        "cross-classification ↑".rjust(35),
        "overall".rjust(28),
    ]
    assert [line.index("│") for line in lines[1:]] == [43, 34]


def test_numbers_of_a_column_share_their_decimals(realistic: Callable[..., Board]) -> None:
    board = realistic(5)
    for place in range(len(board.headline)):
        values = [values[place] for _, _, values in headline(board).rows]
        decimals = {len(v.rstrip("!*").partition(".")[2]) for v in values if re.match(r"-?\d", v)}
        assert len(decimals) <= 1


def test_a_long_name_is_broken_at_a_setting_and_never_in_a_word(bench: Bench) -> None:
    label = "fourier-diffusion:iterations=12345:components=256"
    for room in (10, 20, 30, 60):
        lines = broken(label, room)
        assert "".join(line.strip() for line in lines) == label
        assert [word for line in lines for word in re.findall(r"\w+", line)] == re.findall(
            r"\w+", label
        )
    settings = {"iterations": 12345, "components": 256}
    bench.run(
        {name: {"mmd": {0: 1.0, 1: 2.0}} for name in ("fourier-diffusion", "gmm")},
        bench.generator("fourier-diffusion", settings=settings, changed=settings),
    )
    assert max(map(cell_len, table(shown(bench.board)))) <= 80


def test_what_failed_is_told_and_what_only_waits_is_not(bench: Bench) -> None:
    bench.run(
        {"gmm": {"mmd": {0: ("failed", "no memory"), 1: 1.0}}, "kde": {"mmd": {0: 1.0, 1: None}}}
    )
    out = " ".join(shown(bench.board).split())
    assert "failed: every metric (gmm): seed 0: no memory" in out
    assert "not run yet" not in out


def test_an_unaudited_headline_is_named(bench: Bench) -> None:
    bench.run({name: {"mmd": {0: 1.0}} for name in ("gmm", "kde")})
    assert "Without a passed audit on such windows: mmd." in shown(bench.board)


def test_chosen_metrics_take_the_place_of_the_headline(realistic: Callable[..., Board]) -> None:
    out = shown(realistic(3), metrics=("mmd",))
    assert "mmd ↓" in out
    assert "frechet" not in "".join(table(out)[:-8])


def test_markdown_has_it_as_one_table(realistic: Callable[..., Board]) -> None:
    board = realistic(3)
    lines = headline_of(board).splitlines()
    assert lines[0].startswith("| generator | overall |")
    assert len(lines) == 2 + len(board.rows)
    assert len({line.count(" | ") for line in lines}) == 1


def test_markdown_tells_each_rank_once(realistic: Callable[..., Board]) -> None:
    heads = re.findall(r"(\| .+)\n\| ---", to_markdown([realistic(3)]))
    first, second = (set(head.strip("| ").split(" | ")) for head in heads[:2])
    assert "overall" in first
    assert not first & second


def test_the_number_of_metrics_behind_the_ranks_is_told(bench: Bench) -> None:
    bench.run({name: {"mmd": {0: 1.0}, "coverage": {0: 1.0}} for name in ("gmm", "kde")})
    assert "(fidelity 2)" in " ".join(shown(bench.board).split())


def test_a_narrow_terminal_leaves_out_the_last_metrics(realistic: Callable[..., Board]) -> None:
    assert max(map(cell_len, table(shown(realistic(3), 44)))) <= 44


def test_hostile_text_is_neither_markup_nor_control(hostile: Board) -> None:
    out = shown(hostile, 200)
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_column_without_values_says_why(bench: Bench) -> None:
    skipped = {0: ("skipped", "one class")}
    bench.run(
        {name: {"mmd": {0: 1.0}, "score": skipped} for name in ("gmm", "kde")},
        bench.metric("tstr", family="utility"),
    )
    assert "No value of score: one class." in " ".join(
        shown(bench.board, metrics=("mmd", "score")).split()
    )
    assert "No value of" not in shown(bench.board, metrics=("mmd",))
