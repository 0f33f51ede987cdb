"""Messages between processes: whatever the bytes are, they are a message, none, or a fault of the pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbench.harness.isolation.messages import OF_WARDEN, Inbox, WorkerEnd, receive, send
from ecgbench.results.store.progress import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

USED = Usage(1, 2.0)
END = WorkerEnd(exitcode=0, cpu_seconds=1.0, peak_memory=2, over_memory=None)


@pytest.fixture(scope="module")
def pipe() -> Iterator[tuple[Connection, Connection]]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    with receiver, sender:
        yield receiver, sender


def test_several_messages_are_read_at_once_and_half_a_one_is_kept(pipe: Any) -> None:
    receiver, sender = pipe
    inbox = Inbox(receiver, Usage)
    for message in (USED, END, USED):  # the second is of another type
        send(sender, message)
    content = msgspec.msgpack.encode(USED)
    whole = len(content).to_bytes(4, "big") + content
    write(sender, whole[:7])
    assert list(inbox.read()) == [USED, None, USED]
    write(sender, whole[7:])
    assert list(inbox.read()) == [USED]


def test_a_long_message_comes_in_parts() -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    inbox = Inbox(receiver, Usage)
    content = msgspec.msgpack.encode(USED)
    size = b"\xff" * 4 + len(content).to_bytes(8, "big")
    for part in (size[:2], size[2:9], size[9:] + content[:1]):
        write(sender, part)
        assert list(inbox.read()) == []
    write(sender, content[1:])
    assert list(inbox.read()) == [USED]
    sender.close()
    with pytest.raises(EOFError):
        list(inbox.read())


def test_a_message_of_a_negative_size_is_a_fault_of_the_pipe(pipe: Any) -> None:
    receiver, sender = pipe
    write(sender, (-5).to_bytes(4, "big", signed=True))
    with pytest.raises(msgspec.DecodeError, match="no size"):
        list(Inbox(receiver, Usage).read())


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.integers(1, 3000).map(lambda depth: b"\x91" * depth),
        st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=2)).map(
            lambda change: _changed(msgspec.msgpack.encode(END), *change)
        ),
    )
)
def test_any_bytes_are_a_message_or_no_message(pipe: Any, content: bytes) -> None:
    receiver, sender = pipe
    sender.send_bytes(content)
    with contextlib.suppress(msgspec.DecodeError):
        assert isinstance(receive(receiver, OF_WARDEN), OF_WARDEN)


def _changed(content: bytes, place: int, part: bytes) -> bytes:
    return content[:place] + part + content[place + len(part) :]


def write(sender: Connection, content: bytes) -> None:
    os.write(sender.fileno(), content)
