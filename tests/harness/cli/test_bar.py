"""The bar of a command that takes long: in a terminal, after a moment, and nowhere else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from ecgbench.harness.cli.progress import bar

if TYPE_CHECKING:
    import pytest


def said(*, terminal: bool, patience: float, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(bar, "PATIENCE", patience)
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80)
    with bar.tracking(console) as track:
        assert list(track([1, 2, 3], "reading")) == [1, 2, 3]
        assert list(track([], "nothing")) == []
    return stream.getvalue()


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(terminal=True, patience=-1.0, monkeypatch=monkeypatch)
    assert "reading" in text
    assert "0/3" in text


def test_what_is_soon_done_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(terminal=True, patience=60.0, monkeypatch=monkeypatch) == ""


def test_without_a_terminal_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(terminal=False, patience=-1.0, monkeypatch=monkeypatch) == ""
