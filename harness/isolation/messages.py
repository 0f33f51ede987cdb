"""Messages between a worker process, its warden and the run, and their bytes.

A worker runs code of plugins, so a run never unpickles its messages.  Each message is a tagged
struct in MessagePack, and is decoded strictly: a message of an unexpected type or with a field of another
type is not heard.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.contracts.decoding import decoder
from ecgbench.results.store.progress import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

CHUNK = 2**20
"""Bytes to read at once."""

SHORT, LONG = struct.Struct("!i"), struct.Struct("!Q")
"""The size before a message; a long one has the short size -1 before its own."""


class Returned(msgspec.Struct, frozen=True, tag=True):
    """The function of a worker has returned.

    Attributes:
        failure: why it failed; None if it did not.
    """

    failure: str | None


class WorkerEnd(msgspec.Struct, frozen=True, tag=True):
    """A worker has ended, as its warden saw it.

    Attributes:
        exitcode: as `subprocess` has it: negative for a signal.
        cpu_seconds: processor time of the worker and of all its children.
        peak_memory: bytes, the largest resident set among them.
        over_memory: bytes in use when the memory limit was passed; None if it was not.
    """

    exitcode: int
    cpu_seconds: float
    peak_memory: int
    over_memory: int | None


class Exit(msgspec.Struct, frozen=True, tag=True):
    """The last message of a call.

    Attributes:
        reason: why the worker ended before its time; None if it did not.
        cpu_seconds: processor time of the worker and of all its children.
        peak_memory: bytes, the largest resident set among them.
    """

    reason: str | None
    cpu_seconds: float
    peak_memory: int


OF_WARDEN = Usage | WorkerEnd
"""The messages of a warden."""


def send(sender: Connection, message: msgspec.Struct) -> None:
    """Send a message."""
    sender.send_bytes(msgspec.msgpack.encode(message))


def receive(receiver: Connection, kinds: Any) -> Any:
    """Receive a message.

    Args:
        receiver: the end of a pipe.
        kinds: a type of messages, or a union of several.

    Raises:
        msgspec.ValidationError: the message is of no such type.
        msgspec.DecodeError: the bytes are no MessagePack.
        EOFError: the other end is closed.
        OSError: the pipe is broken.
    """
    return _decoded(receiver.recv_bytes(), kinds)


class Inbox:
    """Reads the messages of a worker, without waiting for the rest of half a message.

    A plugin can write any bytes into the pipe, and then sleep: nobody may wait for it beyond its time limit.

    Args:
        receiver: the end of the pipe.
        kinds: a type of messages, or a union of several.
    """

    def __init__(self, receiver: Connection, kinds: Any) -> None:
        self.receiver = receiver
        self.kinds = kinds
        self._content = bytearray()

    def read(self) -> Iterator[Any]:
        """Read what is there; yield each whole message, or None for one of another type.

        Raises:
            msgspec.DecodeError: the bytes are no message.
            EOFError: the other end is closed.
            OSError: the pipe is broken.
        """
        read = os.read(self.receiver.fileno(), CHUNK)
        if not read:
            raise EOFError
        self._content += read
        while (message := self._whole()) is not None:
            try:
                yield _decoded(message, self.kinds)
            except msgspec.ValidationError:
                yield None

    def _whole(self) -> bytes | None:
        """Take the first message from the content, as `Connection.send_bytes` writes it."""
        content = self._content
        start, size = SHORT.size, -1
        if len(content) >= start:
            (size,) = SHORT.unpack_from(content)
            if size < -1:
                raise msgspec.DecodeError("a message has no size")
        if size == -1 and len(content) >= start + LONG.size:
            (size,) = LONG.unpack_from(content, start)
            start += LONG.size
        if size == -1 or len(content) < start + size:
            return None
        message = bytes(content[start : start + size])
        del content[: start + size]
        return message


def _decoded(content: bytes, kinds: Any) -> Any:
    try:
        try:
            return decoder("msgpack", kinds).decode(content)
        except msgspec.ValidationError:
            msgspec.msgpack.decode(content)  # any fault of the bytes counts before one of the type
            raise
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
