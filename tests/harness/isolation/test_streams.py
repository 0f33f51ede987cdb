from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecgbench.harness.isolation import streams
from ecgbench.harness.isolation.streams import UnwritableError, open_closed

FULL = Path("/dev/full")
LIST = [sys.executable, "-m", "ecgbench", "list", "metrics"]

needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def start(command: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell, in which "$@" lists the metrics."""
    return subprocess.run(
        ["sh", "-c", command, "sh", *LIST],
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | environ,
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "4 um v, -2 to 3 x 7 ... e 1"),
        ("latin-1", "4 µm v, -2 to 3 × 7 ... é 1"),
        ("utf-8", "4 µm ↓, −2 to 3 × 7 … é １"),
    ],
)
def test_what_an_encoding_lacks_is_replaced(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(buffer, encoding=encoding))
    monkeypatch.setattr("sys.__stdout__", sys.stdout)
    monkeypatch.setattr(streams, "_Raw", lambda *_: buffer)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
    streams.tame()
    sys.stdout.write("4 µm ↓, −2 to 3 × 7 … é １")
    sys.stdout.flush()
    assert buffer.getvalue().decode(encoding) == shown


def test_what_has_no_likeness_is_a_question_mark() -> None:
    error = UnicodeEncodeError("ascii", "a☠b", 1, 2, "")
    assert streams._replace(error) == ("?", 2)


@needs_full
def test_a_full_stream_says_which_it_is_and_then_lets_go() -> None:
    with FULL.open("wb", buffering=0) as full:
        stream = streams._of(streams._Raw(full.fileno(), "stderr"), sys.__stdout__)  # type: ignore[arg-type]
        stream.write("a line")
        with pytest.raises(UnwritableError, match="cannot write standard error: No space left"):
            stream.flush()
        stream.write("another")
        stream.flush()


def test_a_reader_that_has_gone_is_no_other_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = streams._of(streams._Raw(writing, "stdout"), sys.__stdout__)  # type: ignore[arg-type]
    stream.write("a line")
    with pytest.raises(BrokenPipeError):
        stream.flush()
    streams.leave(writing)
    stream.close()
    os.close(writing)


def test_streams_that_are_open_stay_what_they_are() -> None:
    before = sys.stdin, sys.stdout, sys.stderr
    open_closed()
    assert (sys.stdin, sys.stdout, sys.stderr) == before


@needs_full
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (
            '"$@" > /dev/full',
            2,
            "ecgbench: cannot write standard output: No space left on device; ",
        ),
        ('"$@" --json > /dev/full', 2, "ecgbench: cannot write standard output: "),
        ('"$@" >&-', 0, ""),
        ('"$@" >&- 2>&- <&-', 0, ""),
        ('"$@" --nonsense 2> /dev/full', 2, ""),
    ],
)
def test_a_command_never_ends_in_a_traceback_of_its_output(
    command: str, code: int, said: str
) -> None:
    done = start(command)
    assert done.returncode == code
    assert done.stderr.decode().startswith(said)
    assert len(done.stderr.splitlines()) == bool(said)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_arrows_are_shown_in_any_encoding(encoding: str) -> None:
    done = start('"$@"', PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.search(r"^distance +v  ", done.stdout.decode(encoding), re.MULTILINE)
