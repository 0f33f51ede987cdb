"""The messages of a run: live in a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecgbench.harness.cli.progress.events import Events
from ecgbench.harness.cli.progress.lines import Plain
from ecgbench.harness.cli.progress.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ecgbench.harness.engine.run import Watch


@contextmanager
def watch(console: Console, count: int, *, as_json: bool) -> Iterator[Watch]:
    """Yield a watcher that draws a run as long as it is open.

    Args:
        console: to print on.
        count: cells to work through.
        as_json: tell events on standard output and leave the console alone.
    """
    if as_json:
        events = Events(count)
        events.begin()
        try:
            yield events
        finally:
            events.end()
    elif console.is_terminal and not console.is_dumb_terminal:
        live = Live(console, count)
        with live.display:
            yield live
    else:
        yield Plain(console, count)
