"""Average ranks over datasets, in the terminal and as a picture."""

from __future__ import annotations

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
    """Draw Demšar's diagram as a PNG."""
    from ecgbench.results.pictures.canvas import to_bytes  # noqa: PLC0415 - a second
    from ecgbench.results.pictures.critical import critical  # noqa: PLC0415 - as above

    drawn = critical(found.ranks, found.groups, found.difference, len(found.datasets))
    return to_bytes(drawn, tight=True)
