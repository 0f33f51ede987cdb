"""Text of plugins, stores and files in a safe form: no terminal obeys it."""

from __future__ import annotations

import re
import unicodedata


def plain(text: str) -> str:
    r"""Return text from a plugin or a store on one line, without control characters.

    >>> plain("red \x1b[31m and\n right-to-left \u202e")
    'red [31m and right-to-left'
    """
    shown = (c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join("".join(shown).split())


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number and its noun, by default with an s for more than one.

    >>> counted(1, "lead"), counted(2, "lead"), counted(0, "person", "people")
    ('1 lead', '2 leads', '0 people')
    """
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def ascii_json(text: bytes) -> bytes:
    r"""Return JSON of the same value in ASCII, with control and other characters escaped.

    >>> ascii_json('"é \x9b \u202e"'.encode())
    b'"\\u00e9 \\u009b \\u202e"'
    """
    return re.sub(r"[^\x00-\x7e]", _escaped, text.decode()).encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
