"""Decoders are made one at a time, whatever threads ask for them."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import pytest

from ecgbench.contracts import decoding
from ecgbench.contracts.decoding import decoder


class Note(msgspec.Struct, tag=True):
    text: str


def test_a_decoder_reads_its_type_alone_and_is_made_once() -> None:
    found = decoder("json", Note)
    assert found.decode(b'{"type": "Note", "text": "x"}') == Note("x")
    with pytest.raises(msgspec.ValidationError):
        found.decode(b'{"type": "Note", "text": 1}')
    assert decoder("json", Note) is found
    packed = msgspec.msgpack.encode(Note("y"))
    assert decoder("msgpack", Note).decode(packed) == Note("y")


def test_no_two_threads_make_decoders_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    working, most = 0, 0

    def slow(form: str, kinds: Any) -> object:
        nonlocal working, most
        working += 1
        most = max(most, working)
        time.sleep(0.01)
        working -= 1
        return form, kinds

    monkeypatch.setattr(decoding, "_made", slow)
    threads = [threading.Thread(target=decoder, args=("json", number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
