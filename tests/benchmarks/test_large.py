"""Commands that read a whole store, on a small one; on 3,000 cells × 42 scores with --benchmark-enable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.facts import facts
from ecgbench.results.board.board import boards
from ecgbench.results.render import render
from ecgbench.results.store.store import Store
from tests.benchmarks import large

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("generators", "count"), [(496, 1), (96, 5)])
def test_the_commands_work_on_a_large_store(
    tmp_path: Path, benchmark: Any, generators: int, count: int
) -> None:
    if not benchmark.enabled:
        generators, count = 2, min(count, 2)
    store = tmp_path / "store"
    seeds = 6 if benchmark.enabled else 2
    large.write(store, generators=generators, seeds=seeds, boards=count)
    known = facts(discover(()))
    found = boards(Store(store), known)
    assert len(found) == count
    assert all(len(board.rows) == generators + 4 for board in found)
    assert all(s.status == "ok" for b in found for row in b.rows for s in row.scores.values())

    costs: dict[str, large.Cost] = {}
    benchmark.pedantic(lambda: costs.update(large.commands(store, tmp_path)), rounds=1)
    benchmark.extra_info["processor s, wall s, MiB"] = {k: list(v) for k, v in costs.items()}
    assert Store(tmp_path / "copy").plans() == []  # undone
    large.command(
        "merge", str(tmp_path / "archive.zip"), "--trust", "--store", str(tmp_path / "copy")
    )
    merged = boards(Store(tmp_path / "copy"), known)
    told = render(merged, "json").replace('"merged, trusted"', '""')
    assert told == render(found, "json")
