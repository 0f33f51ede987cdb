"""`boards`: the leaderboards of a store."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.arguments import check, plugin_files
from ecgbench.harness.api.places import store_at
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board import table
from ecgbench.results.board.board import boards as boards_of
from ecgbench.results.board.plans import named
from ecgbench.results.render.frame import to_frame, to_wide
from ecgbench.results.render.html import to_html
from ecgbench.results.render.terminal import show
from ecgbench.results.render.text import title
from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    import pandas as pd

    from ecgbench.results.store.track import Track


class Board(table.Board):
    """The results of one dataset, one study and the same settings (`ecgbench.results.board.table.Board`).

    ``str(board)`` is the board as the terminal prints it; a notebook shows it as HTML.
    """

    @classmethod
    def of(cls, board: table.Board) -> Board:
        """Return a board with the methods of this class."""
        return cls(**vars(board))

    def to_frame(self, *, wide: bool = False) -> pd.DataFrame:
        """Return the scores as a data frame.

        Args:
            wide: whether to return the values alone, float64: a line for each row of the board, a column
                for each metric, NaN without a value.

        Returns:
            A line for each row and metric, in the order of the board: ``generator``, ``metric``,
            ``family``, ``state`` (ok, skipped, todo, failed), ``value``, ``low`` and ``high`` (the 95%
            interval over people), ``p`` (of no leak), ``rank``, ``n`` (windows), ``reason`` and more.
        """
        return to_wide(self) if wide else to_frame([self])

    def __repr__(self) -> str:
        size = f"{len(self.rows)} rows × {len(self.metrics)} metrics"
        return f"<Board {plain(title(self))}: {size}>"

    def __str__(self) -> str:
        return as_text(show, [self])

    def _repr_html_(self) -> str:
        return to_html(self)


def boards(
    store: str | os.PathLike[str] | None = None,
    *,
    dataset: str | None = None,
    study: str | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
    track: Track = untracked,
) -> list[Board]:
    """Return the boards of a store: one for each dataset, study and settings.

    Nothing is fitted or scored; ``ecgbench leaderboard`` prints the same boards.

    Args:
        store: folder of finished cells; None for ``ECGBENCH_STORE``, else ``ecgbench-results``.
        dataset: only boards of this dataset.
        study: only boards of studies with this name.
        plugins: Python files with plugins that are not installed; the metrics of others are shown and
            never ranked.
        track: given items and their meaning, returns the items: for a progress bar.

    Returns:
        Boards by dataset and study, each with ``rows``, ``metrics``, ``notes``, ``to_frame()``.

    Raises:
        UsageError: there is no board of this dataset or study.
        StoreError: a record cannot be read.

    Example:
        >>> import ecgbench
        >>> _ = ecgbench.run("pca-gaussian", "mitdb-208", "mmd", [0], study="smoke")
        >>> (board,) = ecgbench.boards()
        >>> frame = board.to_frame()
        >>> frame[frame["generator"] == "pca-gaussian"][["metric", "state"]].values.tolist()
        [['mmd', 'ok']]
        >>> board.to_frame(wide=True).shape
        (5, 1)
    """
    check(dataset=dataset, study=study)
    cells = store_at(store)
    groups = named(cells, dataset, study)
    catalogue = facts(discover(plugin_files(plugins)))
    return [Board.of(each) for each in boards_of(cells, catalogue, groups, track)]


def as_text(print_on: Callable[[Any, Console], None], content: Any) -> str:
    """Return as plain text what a function prints on a console as wide as the terminal."""
    width = shutil.get_terminal_size((100, 24)).columns
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        print_on(content, console)
    return captured.get().strip("\n")
