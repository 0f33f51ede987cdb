"""What a fit reports: a step now and then to whoever watches, and all of it as its training curve."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ecgbench.harness.cell.messages import Note
from ecgbench.results.store.progress import Step

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.cell.messages import Send

TELL_EVERY = 0.1
"""Seconds between two reports of a step: a fast fit must not drown whoever watches."""

KEYS = ("part", "phase", "step")
"""Columns of a curve that tell one report from another."""

MOST_STEPS = 2**63
"""What a message can hold."""

MOST_TEXT = 200
"""Letters of a text among the values."""


class Curve:
    """Takes what the models of a fit report, and never costs a fit anything.

    What cannot be used is left out, and said once.

    Args:
        file: to which each report is appended as a line of JSON; one that is there is gone on with.
        send: is told `Step` and `Note`.
    """

    def __init__(self, file: Path, send: Send) -> None:
        self.file = file
        self.send = send
        self.earlier = _read(file)
        self.places: dict[str, tuple[int, int]] = {}
        self.said: set[str] = set()
        self.told = 0.0

    def log(
        self, part: str, resumes: bool, /, *arguments: Any, total: Any = None, **values: Any
    ) -> None:
        """Take a report; see `ecgbench.Context`.

        Args:
            part: the model's.
            resumes: whether it goes on from a checkpoint.
            arguments: the step; anything else is said to be wrong.
            total: steps that there will be.
            values: by name.
        """
        if not arguments and "step" in values:
            arguments = (values.pop("step"),)
        step = self._whole("step", arguments[0]) if arguments else None
        if step is None or len(arguments) > 1:
            if len(arguments) != 1:
                self._say(f"got {len(arguments)} arguments without a name; one is wanted, the step")
            return
        total = None if total is None else self._whole("total", total)
        phase = values.pop("phase", None)
        phase = (
            self._phase(part, step, resumes=resumes) if phase is None else str(phase)[:MOST_TEXT]
        )
        known = {name: self._value(name, given) for name, given in values.items()}
        kept = {name: value for name, value in known.items() if value is not None}
        with self.file.open("a", encoding="utf-8") as curve:
            # the break goes before: a line that a kill cut short does not spoil the next
            curve.write("\n" + json.dumps([part, phase, step, kept]))
        if time.monotonic() - self.told > TELL_EVERY or step == total:
            self.told = time.monotonic()
            numbers = {name: value for name, value in kept.items() if isinstance(value, float)}
            self.send(Step(step, total, numbers))

    def _phase(self, part: str, step: int, *, resumes: bool) -> int:
        """Return the number of the phase of a step; steps that go back begin another.

        A model that goes on from a checkpoint is in the last phase that has come so far.
        """
        if part in self.places:
            phase, last = self.places[part]
            phase += step < last
        else:
            reached = [
                at
                for of, at, before, _ in self.earlier
                if of == part and isinstance(at, int) and before in (step - 1, step)
            ]
            phase = max(reached, default=1) if resumes else 1
        self.places[part] = phase, step
        return phase

    def _whole(self, name: str, given: Any) -> int | None:
        """Return a whole number, or None for what is none."""
        with suppress(Exception):  # whatever a plugin's object raises
            if int(given) == given and abs(int(given)) < MOST_STEPS:
                return int(given)
        self._say(f"{name} is {_describe(given)}; a whole number is wanted")
        return None

    def _value(self, name: str, given: Any) -> float | str | None:
        """Return a number or a text, or None for what is unknown or neither."""
        if given is None:
            return None
        if name in KEYS:
            self._say(f"a value cannot be called {name}; its column has another meaning")
            return None
        if isinstance(given, str):
            return given[:MOST_TEXT]
        with suppress(Exception):  # whatever a plugin's object raises
            return float(given.item() if hasattr(given, "item") else given)
        self._say(f"{name} is {_describe(given)}; a number or a text is wanted")
        return None

    def _say(self, what: str) -> None:
        if what not in self.said:
            self.said.add(what)
            text = f"context.log: {what}, so the training curve goes without"
            print(text)  # noqa: T201 - to log.txt
            self.send(Note(text))


def to_csv(file: Path) -> bytes | None:
    """Return what a fit has reported, before a kill too, as CSV; None if it has reported nothing.

    Columns are ``part`` and ``phase``, where there are several, ``step``, and the values by name.
    Several reports of one step are one line; of a value that was told twice, by a fit that was resumed,
    the last counts.
    """
    if not file.is_file():
        return None  # there is none, or the plugin has put something else there
    import pandas as pd  # noqa: PLC0415 - most cells have no curve

    merged: dict[tuple[str, int | str, int], dict[str, float | str]] = {}
    phases: dict[int | str, int] = {}
    for part, phase, step, values in _read(file):
        phases.setdefault(phase, len(phases))
        merged.setdefault((part, phase, step), {}).update(values)
    keys = sorted(merged, key=lambda key: (key[0], phases[key[1]], key[2]))
    rows = [{**dict(zip(KEYS, key, strict=True)), **merged[key]} for key in keys]
    table = pd.DataFrame(rows, columns=None if rows else list(KEYS))
    is_named = any(isinstance(phase, str) for phase in phases)
    alone = [
        c for c in ("part", "phase") if table[c].nunique() < 2 and not (c == "phase" and is_named)
    ]
    return table.drop(columns=alone).to_csv(index=False).encode()


def _read(file: Path) -> list[tuple[str, int | str, int, dict[str, float | str]]]:
    """Return the reports in a file, without those that a kill cut short."""
    found = []
    with suppress(OSError):  # there is none, or the plugin has put something else there
        for line in file.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, TypeError):
                part, phase, step, values = json.loads(line)
                found.append((part, phase, step, values))
    return found


def _describe(given: Any) -> str:
    shape = getattr(given, "shape", None)
    if shape is not None and tuple(shape):
        return f"a {type(given).__name__} of shape {tuple(shape)}"
    is_number = isinstance(given, int | float) and math.isfinite(given)
    return repr(given)[:MOST_TEXT] if is_number or isinstance(given, str) else type(given).__name__
