"""`Account`: the messages of one process of a cell, and its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecgbench.harness.cell.messages import Damaged, Divided, Drawn, Failed, Skipped
from ecgbench.results.store.progress import Stage, Usage
from ecgbench.results.store.records import CostsRecord

if TYPE_CHECKING:
    from ecgbench.harness.cell.messages import FromProcess
    from ecgbench.results.store.records import Status

WORDLESS = "its process ended without a word"


@dataclass
class Account:
    """The messages of one process, and its end.

    Attributes:
        stage: its last one.
        began: start of that stage, seconds by the monotonic clock.
        before: processor time until that stage.
        used: processor time so far.
        divided: None if the windows were not divided.
        drawn: None if no windows were drawn.
        no_windows: why there are no windows; None if it did not say.
        damaged: None if the stored cell is sound.
        scored: how many scores it has sent.
        failure: why it ended before its time; None if it did not.
        cpu_seconds: its processor time.
        peak_memory: bytes.
    """

    stage: str = ""
    began: float = field(default_factory=time.monotonic)
    before: float = 0.0
    used: float = 0.0
    divided: Divided | None = None
    drawn: Drawn | None = None
    no_windows: Skipped | Failed | None = None
    damaged: Damaged | None = None
    scored: int = 0
    failure: str | None = None
    cpu_seconds: float = 0.0
    peak_memory: int = 0

    def take(self, message: FromProcess | Usage) -> None:
        """Note a message of the process."""
        match message:
            case Stage(stage):
                self.stage, self.began, self.before = stage, time.monotonic(), self.used
            case Usage(_, cpu_seconds):
                self.used = cpu_seconds
            case Divided():
                self.divided = message
            case Drawn():
                self.drawn = message
            case Skipped() | Failed():
                self.no_windows = message
            case Damaged():
                self.damaged = message

    @property
    def end(self) -> tuple[Status, str]:
        """Status and reason of a fit without windows."""
        if self.failure is not None:
            return "failed", self.failure
        if self.no_windows is None:
            return "failed", WORDLESS
        return (
            "skipped" if isinstance(self.no_windows, Skipped) else "failed",
            self.no_windows.reason,
        )

    @property
    def costs(self) -> CostsRecord | None:
        """Return the costs of a process ended by force; None if it ended by itself."""
        if self.failure is None:
            return None
        seconds = time.monotonic() - self.began
        return CostsRecord(
            fit_seconds=seconds if self.stage == "fit" else 0.0,
            sample_seconds=seconds if self.stage == "sample" else 0.0,
            cpu_seconds=self.cpu_seconds,
            peak_memory=self.peak_memory,
        )
