"""Standard input, output and error as a program finds them: closed, full, or unable to show an arrow."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

INSTEAD = {
    "↑": "^",
    "↓": "v",
    "−": "-",
    "–": "-",
    "─": "-",
    "×": "x",
    "·": "*",
    "±": "+-",
    "…": "...",
    "’": "'",
    "✓": "+",
    "✗": "o",
    "≥": ">=",
    "≤": "<=",
    "∞": "inf",
    "µ": "u",
    "μ": "u",
    "ρ": "rho",
}
"""Letters of the harness, for an output without them in its encoding."""

HANDLER = "ecgbench"


def open_closed() -> None:
    """Open the null device for each of standard input, output and error that is closed.

    Otherwise the next opened file takes its number, and gets the output.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)  # the copy is inherited
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


class UnwritableError(OSError):
    """Standard output or error cannot be written; a lost reader is a `BrokenPipeError`.

    Args:
        name: of the stream.
        why: as the system says it.
    """

    def __init__(self, name: str, why: str | None) -> None:
        super().__init__(f"cannot write standard {name}: {why}")


def tame() -> None:
    """Let standard output and error replace letters beyond their encoding, and say if they cannot be written."""
    codecs.register_error(HANDLER, _replace)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            stream.flush()
            setattr(sys, name, _of(_Raw(stream.fileno(), name), stream))


def _of(raw: _Raw, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a stream of text on ``raw``, of the encoding and the buffering of another."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding,
        errors=HANDLER,
        line_buffering=like.line_buffering,
        write_through=like.write_through,
    )


class _Raw(io.FileIO):
    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "wb", closefd=False)
        self.stream = name.removeprefix("std").replace("out", "output").replace("err", "error")

    def write(self, content: Buffer, /) -> int:
        try:
            return super().write(content) or 0
        except BrokenPipeError:
            raise
        except OSError as error:
            leave(self.fileno())  # python would try again at exit
            raise UnwritableError(self.stream, error.strerror) from error


def leave(number: int) -> None:
    """Let all further output to a file descriptor go nowhere."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return a replacement for letters beyond an encoding: like ones of ASCII, or question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_ascii, lacking)), error.end


def _ascii(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)
    return INSTEAD.get(letter) or "".join(part for part in parts if part.isascii()) or "?"
