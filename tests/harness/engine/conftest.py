"""Studies and counts for tests of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecgbench.results.store.progress import Stage

if TYPE_CHECKING:
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


def scored(bench: Bench, how: str, **fields: Any) -> Study:
    """A study whose second metric breaks the contract."""
    plain = {"metrics": ("level", "bad-a", "spread"), "metric": {"bad-a": {"how": how}}}
    return bench.study(**(plain | fields))


def processes(bench: Bench) -> int:
    """Return how often the last run began to read a cell's data."""
    return bench.watch.messages.count(Stage("data"))
