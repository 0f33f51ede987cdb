"""`Progress` of a running cell, for readers in another terminal, and its messages."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations

import msgspec


class Stage(msgspec.Struct, frozen=True, tag=True):
    """A stage begins.

    Attributes:
        name: ``data``, ``fit``, ``sample``, or ``score`` and a metric.
    """

    name: str


class Part(msgspec.Struct, frozen=True, tag=True):
    """One model of a fit of several begins.

    Attributes:
        name: of the part.
    """

    name: str


class Step(msgspec.Struct, frozen=True, tag=True):
    """A fit reports a step.

    Attributes:
        step: its number.
        total: steps of the fit; None if the generator does not say.
        values: numbers of the step by name, such as a loss.
    """

    step: int
    total: int | None
    values: Mapping[str, float | None]


class Usage(msgspec.Struct, frozen=True, tag=True):
    """A process has used memory and time.

    Attributes:
        memory: bytes in use.
        cpu_seconds: processor time so far.
    """

    memory: int
    cpu_seconds: float


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """``progress.json``, while a cell runs.

    Attributes:
        began: when, seconds since the epoch.
        stage: ``data``, ``fit``, ``sample``, or ``score`` and a metric.
        step: of the fit.
        total: steps of the fit; None if the generator does not say.
        values: numbers of the last step; None for NaN.
        memory: bytes in use.
        cpu_seconds: processor time so far.
    """

    began: float
    stage: str = ""
    step: int | None = None
    total: int | None = None
    values: Mapping[str, float | None] = msgspec.field(default_factory=dict)
    memory: int = 0
    cpu_seconds: float = 0.0

    def after(self, message: object) -> Progress:
        """Return the progress after a message of the cell; most messages change nothing."""
        match message:
            case Stage(name):
                return self._at(name)
            case Part(name):
                return self._at(f"fit {name}")
            case Step(step, total, values):
                return msgspec.structs.replace(self, step=step, total=total, values=values)
            case Usage(memory, cpu_seconds):
                return msgspec.structs.replace(self, memory=memory, cpu_seconds=cpu_seconds)
        return self

    def _at(self, stage: str) -> Progress:
        return msgspec.structs.replace(self, stage=stage, step=None, total=None, values={})
