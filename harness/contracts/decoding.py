"""Decoders of messages and records, made once for each type.

msgspec 0.22 crashes if two threads prepare one type for the first time at once.  So decoders are made one
at a time; a decoder that is made serves all threads.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any, Literal

import msgspec

_PREPARING = Lock()


def decoder(
    form: Literal["json", "msgpack"], kinds: Any
) -> msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]:
    """Return the decoder of a type, or of a union of several.

    Args:
        form: of the bytes.
        kinds: the type.
    """
    with _PREPARING:
        return _made(form, kinds)


@cache
def _made(form: str, kinds: Any) -> msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]:
    return msgspec.json.Decoder(kinds) if form == "json" else msgspec.msgpack.Decoder(kinds)
