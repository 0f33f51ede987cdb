"""`Log`: the output of a worker, in a file of bounded size."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

LOG_HEAD, LOG_TAIL = 4 * 2**20, 2**20
"""Bytes of a worker's output to keep, from its beginning and from its end."""

READ = 2**16
"""Bytes of a worker's output to read at a time; a pipe holds at most 1 MiB."""


class Log:
    """Appends the output of a worker to a file; leaves out its middle if it is too long.

    Args:
        file: to append to.
        source: the reading end of the worker's output.
    """

    def __init__(self, file: Path, source: int) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.file = file.open("ab", buffering=0)
        except OSError:
            self.file = open(os.devnull, "ab", buffering=0)  # noqa: PTH123, SIM115 - as `_write`
        self.source = source
        self.open = True
        self.written = 0
        self.left_out = 0
        self.tail: deque[bytes] = deque()
        self.kept = 0
        os.set_blocking(source, False)

    def fileno(self) -> int:
        """For select."""
        return self.source

    def read(self) -> bool:
        """Read once; return whether there may be more."""
        try:
            content = os.read(self.source, READ)
        except BlockingIOError:
            return False
        if not content:
            self.open = False
            return False
        if self.written < LOG_HEAD:
            self._write(content)
            return True
        self.tail.append(content)
        self.kept += len(content)
        while self.kept - len(self.tail[0]) >= LOG_TAIL:
            dropped = len(self.tail.popleft())
            self.kept -= dropped
            self.left_out += dropped
        return True

    def drain(self) -> None:
        """Read as much as a pipe holds, and no more: its writer may never stop."""
        for _ in range(2**20 // READ):
            if not self.open or not self.read():
                return

    def _write(self, content: bytes) -> None:
        self.written += len(content)
        with contextlib.suppress(OSError):  # a full disk must not cost the worker its guard
            self.file.write(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.left_out:
            self._write(f"\n[… {self.left_out / 2**20:.1f} MiB left out …]\n".encode())
        for content in self.tail:
            self._write(content)
        self.file.close()
        os.close(self.source)
