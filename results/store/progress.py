"""How far a running cell has come: a note in its folder, for whoever looks from another terminal."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations

import msgspec


class Progress(msgspec.Struct, kw_only=True):
    """``progress.json``, while a cell runs.

    Attributes:
        began: when, seconds since the epoch.
        stage: ``data``, ``fit``, ``sample``, or ``score`` and a metric.
        step: of the fit.
        total: steps of the fit; None if the generator does not say.
        values: what the fit reported of its last step; None for what is no number.
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
