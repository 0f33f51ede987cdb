"""A stranger's store, and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.results.exchange.builders import (
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    return Source(tmp_path / "theirs")


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Source]:
    """Our own store; nothing of a merge may be left lying in it."""
    source = Source(tmp_path / "ours")
    yield source
    assert not (source.store.path / "incoming").exists()
    assert not list((source.store.path / "leases").glob("*"))
