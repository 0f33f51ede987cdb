"""Studies of plugins that misbehave, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


OFF = "its process ended before its work did, with exit code"
TIME = r"it took longer than its time limit of \d+ s \(--timeout\)"
MEMORY = r"it used \d\.\d\d GiB of memory, more than its limit of 1\.00 GiB \(--memory\)"
PLACE = r" \(misbehaving\.py:\d+\)"


def started(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def fitted(bench: Bench, how: str, **fields: Any) -> Study:
    """A study of a generator that misbehaves."""
    plain = {"generators": ("bad",), "generator": {"bad": {"how": how}}, "metrics": ("spread",)}
    return bench.study(**(plain | fields))


def all_fitted(bench: Bench, *hows: str, **fields: Any) -> Study:
    """A study of as many generators that misbehave, and at last one that does not."""
    settings = {f"bad-{number}": {"how": how} for number, how in enumerate(hows, start=1)}
    return bench.study(**({"generators": (*settings, "jitter"), "generator": settings} | fields))


def all_scored(bench: Bench, *hows: str, **fields: Any) -> Study:
    """A study of as many metrics that misbehave, between two that do not."""
    settings = {f"bad-{letter}": {"how": how} for letter, how in zip("abcdef", hows, strict=False)}
    plain = {"metrics": ("level", *settings, "spread"), "metric": settings}
    return bench.study(**(plain | fields))


def outcome(bench: Bench, study: Study, number: int) -> list[Any]:
    """What a cell came to: its windows, and what the metrics that behave say of them."""
    scores = bench.scores(study, number)
    return [bench.cell(study, number).synthetic, scores["level"].value, scores["spread"].value]


def undisturbed(bench: Bench) -> list[Any]:
    """What the cell comes to whose generator and metrics behave, when it is alone."""
    used, bench.store_name = bench.store_name, "alone"
    bench.work()
    found = outcome(bench, bench.study(), 0)
    bench.store_name = used
    return found
