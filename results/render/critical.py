"""Average ranks over datasets, in the terminal and as a picture."""

from __future__ import annotations

from io import BytesIO
from string import ascii_lowercase
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.results.board.uncertainty import LEVEL
from ecgbench.results.render.grid import GAP, RULED
from ecgbench.results.render.text import number
from ecgbench.results.store.store import write

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from rich.console import Console

    from ecgbench.results.board.critical import Critical
    from ecgbench.results.store.store import Store


def show_critical(found: Critical, console: Console) -> None:
    """Print the average ranks, with a letter for each group without a difference."""
    console.print()
    console.rule(
        Text(f"critical difference · study {plain(found.study)}", style="bold"), style="dim"
    )
    console.print(Text(f"{len(found.datasets)} datasets: {', '.join(found.datasets)}", style="dim"))
    table = Table(
        box=RULED,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="",
        border_style="dim",
    )
    table.add_column(Text("over datasets", style="bold cyan"), no_wrap=True)
    table.add_column("average rank", justify="right")
    table.add_column("not told apart")
    for label, rank in found.ranks.items():
        table.add_row(Text(plain(label)), f"{rank:.2f}", letters(found, label))
    console.print()
    console.print(table)
    console.print()
    for line in notes(found):
        console.print(Text(f"· {line}", style="dim"))


def letters(found: Critical, label: str) -> str:
    """Return the groups of a competitor as letters; two without a common letter differ."""
    names = [*ascii_lowercase, *map(str, range(len(found.groups)))]
    return "".join(
        name if label in group else " " for name, group in zip(names, found.groups, strict=False)
    ).rstrip()


def notes(found: Critical) -> list[str]:
    """Return sentences on the test, and on the competitors and datasets left out of it."""
    k, n = len(found.ranks), len(found.datasets)
    line = f"Friedman (Iman–Davenport): F({k - 1}, {(k - 1) * (n - 1)}) = {number(found.statistic)}"
    line += f", p = {number(found.p)}"
    if found.p > 1 - LEVEL:
        line += ": all may be equal, so none are told apart."
    else:
        line += (
            f". Nemenyi: average ranks that are {number(found.difference)} or more apart differ, "
        )
        line += f"at {1 - LEVEL:.0%} for all pairs together."
    lines = [line]
    if found.left_out:
        lines.append(f"left out, not on all of these: {', '.join(map(plain, found.left_out))}")
    if found.other_datasets:
        lines.append(f"left out, without all of these: {', '.join(found.other_datasets)}")
    return lines


def write_critical(found: Critical, store: Store) -> Path:
    """Write ``board/critical-difference-<key>.png`` in the store; return the path."""
    path = store.path / "board" / f"critical-difference-{found.key}.png"
    write(path, to_png(found))
    return path


def to_png(found: Critical) -> bytes:
    """Draw Demšar's diagram (2006, figure 1): the best to the right, bars join groups without a difference."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - a second
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    k, bars = len(found.ranks), [group for group in found.groups if len(group) > 1]
    depth = 0.5 + 0.22 * len(bars) + 0.45 * -(-k // 2)
    figure = Figure(figsize=(8, 0.55 * (depth + 2.2)), dpi=110)
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0.24, 0, 0.52, 1))
    axis.set_xlim(k, 1)
    axis.set_ylim(-depth, 2.2)
    axis.set_axis_off()
    _scale(axis, k, found.difference)
    over = f"average overall rank over {len(found.datasets)} datasets"
    axis.text((k + 1) / 2, 2, over, ha="center", va="center", fontsize=9)
    _names(axis, found.ranks, 0.5 + 0.22 * len(bars))
    for place, group in enumerate(bars):
        first, last = found.ranks[group[0]], found.ranks[group[-1]]
        height = -0.25 - 0.22 * place
        axis.plot([first, last], [height] * 2, color="black", lw=3.5, clip_on=False)
    stream = BytesIO()
    figure.savefig(stream, format="png", bbox_inches="tight", metadata={"Software": None})
    return stream.getvalue()


def _scale(axis: Axes, k: int, difference: float) -> None:
    """Draw the axis of average ranks and, above it, the critical difference to scale."""
    axis.plot([1, k], [0, 0], color="black", lw=1, clip_on=False)
    for rank in range(1, k + 1):
        axis.plot([rank, rank], [0, 0.12], color="black", lw=1, clip_on=False)
        axis.text(rank, 0.2, str(rank), ha="center", va="bottom", fontsize=8)
    axis.plot([k, k - difference], [1.1, 1.1], "|-", color="black", lw=1, ms=6, clip_on=False)
    axis.text(k - difference / 2, 1.2, f"CD {difference:.2f}", ha="center", va="bottom", fontsize=8)


def _names(axis: Axes, ranks: dict[str, float], below: float) -> None:
    """Draw the better half at the right, the others at the left, each with a line to its rank."""
    k = len(ranks)
    right = -(-k // 2)
    margin = 0.03 * (k - 1)
    for place, (label, rank) in enumerate(ranks.items()):
        at_right = place < right
        row = place if at_right else k - 1 - place
        height, edge = -below - 0.45 * row, 1 - margin if at_right else k + margin
        axis.plot([rank, rank, edge], [0, height, height], color="#555555", lw=0.8, clip_on=False)
        axis.text(
            edge - margin / 3 if at_right else edge + margin / 3,
            height,
            f"{plain(label)}  {rank:.2f}" if at_right else f"{rank:.2f}  {plain(label)}",
            ha="left" if at_right else "right",
            va="center",
            fontsize=9,
            parse_math=False,
        )
