"""The output of a command while it prepares: notices, downloads, reading of datasets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.messages import Fetching, Notice, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecgbench.harness.api.messages import Message, Tell

STYLES = {"damaged": "red", "note": "yellow", "warning": "yellow"}


@contextmanager
def telling(console: Console) -> Iterator[Tell]:
    """Return a printer of messages; a bar of downloads ends with this context.

    Args:
        console: the command's; problems and downloads go to standard error.
    """
    bars: dict[str, Progress] = {}

    def fetching(message: Fetching) -> None:
        if message.folder is not None:
            bars.pop(message.dataset).stop()
        elif message.dataset not in bars:
            bars[message.dataset] = bar = _bar()
            bar.add_task(message.dataset, total=None, received="")
            bar.start()
        else:
            (task,) = (bar := bars[message.dataset]).task_ids
            received = decimal(message.received)
            bar.update(task, completed=message.done, total=message.total, received=received)

    def tell(message: Message) -> None:
        match message:
            case Fetching():
                fetching(message)
            case Reading():
                console.print(Text(str(message), style="dim"))
            case Notice(level="problem"):
                click.echo(plain(str(message)), err=True)
            case Notice(level=level):
                console.print(
                    Text(plain(str(message)), style=STYLES.get(level, "")), soft_wrap=True
                )

    try:
        yield tell
    finally:
        for bar in bars.values():
            bar.stop()


def _bar() -> Progress:
    return Progress(
        TextColumn("fetching {task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("files {task.fields[received]}"),
        console=Console(stderr=True),  # standard output may be a program's
    )
