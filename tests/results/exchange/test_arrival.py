"""Files of an archive on their way into a store."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from ecgbench.results.exchange.arrival import _write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_disk_that_takes_a_part_of_a_file_is_an_error(tmp_path: Path) -> None:
    """The system writes up to the limit, and tells so; only the next call fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            _write(f"{tmp_path}/file", [bytes(3000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_all_chunks_are_written(tmp_path: Path) -> None:
    _write(f"{tmp_path}/file", [b"one ", b"", b"two"])
    assert (tmp_path / "file").read_bytes() == b"one two"
