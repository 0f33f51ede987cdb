"""A bar for long work, in a terminal alone."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from ecgbench.results.store.track import untracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from ecgbench.results.store.track import Item, Track

PATIENCE = 1.0
"""Seconds before a bar is shown: shorter work needs none."""


@contextmanager
def tracking(console: Console) -> Iterator[Track]:
    """Show the progress of the work within; the bar goes at its end.

    Args:
        console: of the command; if it is no terminal, nothing is shown.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield untracked
        return
    from rich.progress import (  # noqa: PLC0415 - most commands need none
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
    began = monotonic()

    def track(items: Sequence[Item], what: str) -> Iterable[Item]:
        task = progress.add_task(what, total=len(items))
        for item in items:
            if not progress.live.is_started and monotonic() - began > PATIENCE:
                progress.start()
            yield item
            progress.advance(task)
        progress.remove_task(task)

    try:
        yield track
    finally:
        progress.stop()
