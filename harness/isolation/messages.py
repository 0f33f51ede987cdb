"""Messages between a worker process, its warden and the run, and their bytes.

A worker runs code of plugins, so a run never unpickles its messages.  Each message is a tagged
struct in MessagePack, and is decoded strictly: a message of an unexpected type or with a field of another
type is not heard.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.results.store.progress import Usage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


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
    content = receiver.recv_bytes()
    try:
        return _decoder(kinds).decode(content)
    except msgspec.ValidationError:
        msgspec.msgpack.decode(content)  # any fault of the bytes counts before one of the type
        raise


@cache
def _decoder(kinds: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kinds)
