"""Standard input, output and error as a program finds them: closed, full, or unable to show an arrow."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from contextlib import suppress

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
}
"""Of what the harness prints, for an output whose encoding lacks it."""

HANDLER = "ecgbench"


def open_closed() -> None:
    """Open the null device where standard input, output or error is closed.

    Otherwise the next file that is opened takes its number, and gets what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)  # the copy is inherited
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def show_anything() -> None:
    """Let standard output and error replace what their encoding lacks, where they would raise."""
    codecs.register_error(HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for letters that an encoding lacks: like ones of ASCII, or question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_ascii, lacking)), error.end


def _ascii(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter)
    return INSTEAD.get(letter) or "".join(part for part in parts if part.isascii()) or "?"


def unwritable() -> str:
    """Return which of standard output and error cannot be written, and leave it; empty if both can.

    Whatever could not be written is still in its buffer, so another try tells.
    """
    for name, stream in (("output", sys.stdout), ("error", sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            # python would try again at exit
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return f"standard {name}"
    return ""
