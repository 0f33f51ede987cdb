from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.harness.planning.plan import state_of
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.progress import Progress
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

ODD = ("--set", "generator.jitter.fail_on_odd_seeds=true")
STORE = Path("ecgbench-results")


def status(ecgbench: Command) -> dict[str, Any]:
    assert ecgbench("status", "--json") == 0
    found: dict[str, Any] = json.loads(ecgbench.out)
    return found


def counts(ecgbench: Command) -> dict[str, int]:
    (board,) = status(ecgbench)["boards"]
    states = ("done", "failed", "skipped", "running", "todo")
    assert sum(board[state] for state in states) == board["cells"]
    return {state: board[state] for state in states if board[state]}


def cells(store: Store) -> list[str]:
    (plan,) = store.plans()
    return [cell.name for cell in plan.cells]


def test_a_store_that_holds_nothing_is_a_mistake_that_is_explained(ecgbench: Command) -> None:
    assert ecgbench("status") == 2
    assert "holds no plan of a run; ecgbench run makes one, --store names another" in ecgbench.err


def test_states_are_those_of_the_plan(ecgbench: Command) -> None:
    assert ecgbench.tiny(*ODD, "--seeds", "0-9") == 1
    store = Store(STORE)
    (plan,) = store.plans()
    done = cells(store)[::2]
    (store.folder(done[0]) / "cell.json").unlink()
    store.score_file(done[1], plan.metrics[1]).unlink()
    score = store.score(done[2], plan.metrics[0])
    record = store.cell(done[3])
    assert score is not None
    assert record is not None
    store.write_score(msgspec.structs.replace(score, status="failed", reason="no"))
    store.write_cell(msgspec.structs.replace(record, status="skipped", reason="no"))
    assert counts(ecgbench) == {"done": 1, "failed": 6, "skipped": 1, "todo": 2}
    made = [found.cell for name in store.cell_names() if (found := store.cell(name))]
    states = [state_of(cell, plan.metrics, store).state for cell in made]
    assert sorted(states) == ["done", *["failed"] * 6, "skipped", "todo"]


def test_the_table_has_a_row_for_each_board_with_percentages(ecgbench: Command) -> None:
    eight = ("--set", "dataset.tiny.patients=8")
    assert ecgbench.tiny(*ODD, *eight, "--seeds", "0-3") == 1
    assert ecgbench.tiny("--seeds", "0") == 0
    assert ecgbench("status") == 0
    rows = [" ".join(line.split()) for line in ecgbench.out.splitlines()]
    assert "board cells done failed skipped running to do" in rows
    (default,) = (row for row in rows if row.endswith(" 1 1 (100%) – – – –"))
    (changed,) = (place for place, row in enumerate(rows) if "4 2 (50%) 2 (50%) – – –" in row)
    assert default.startswith("quick/tiny ")
    assert rows[changed].startswith("quick/tiny ")
    assert rows[changed + 1] == "dataset.tiny.patients=8"
    assert "no run works on this store" in rows


def test_a_metric_that_a_later_plan_asks_for_is_still_to_do(ecgbench: Command) -> None:
    assert ecgbench("run", *ecgbench.flags, "--metrics", "never") == 0
    assert counts(ecgbench) == {"done": 2}
    assert ecgbench.tiny() == 0
    for file in STORE.rglob("peak-*.json"):
        file.unlink()
    assert counts(ecgbench) == {"todo": 2}
    assert ecgbench("status") == 0
    assert "no run works on this store; ecgbench run continues" in ecgbench.out


def test_running_cells_are_shown_with_how_far_they_are(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0-1") == 0
    store = Store(STORE)
    at, other = cells(store)
    (store.folder(at) / "cell.json").unlink()
    values = {"loss [red]\x1b[2J": 0.25}
    progress = Progress(
        began=time.time() - 75,
        stage="fit",
        step=120,
        total=1000,
        values=values,
        memory=300 * 2**20,
    )
    store.write_progress(at, progress)
    with Leases(store.path) as leases:
        assert leases.take(at)
        assert counts(ecgbench) == {"done": 1, "running": 1}
        (running,) = status(ecgbench)["running"]
        assert running["cell"] == at
        assert 0 <= running["silent"] < 30
        assert running["progress"] == msgspec.to_builtins(progress)
        assert ecgbench("status") == 0
    (line,) = [line for line in ecgbench.out.splitlines() if at.rpartition("-")[0] in line]
    for part in ("fit", "120/1000", "loss [red] [2J 0.250", "300 MiB", "1 min 1"):
        assert part in line
    assert other.rpartition("-")[0] not in ecgbench.out
    assert counts(ecgbench) == {"done": 1, "todo": 1}


def test_a_cell_that_has_told_nothing_yet_is_starting(ecgbench: Command) -> None:
    with Leases(STORE) as leases:
        assert leases.take("tiny/jitter/seed-0-0123456789ab")
        assert ecgbench("status") == 0
    assert "starting" in ecgbench.out


@pytest.mark.parametrize("kind", ["cell.json", "scores/peak-*.json"])
def test_a_damaged_record_is_named_and_still_to_do(ecgbench: Command, kind: str) -> None:
    assert ecgbench.tiny() == 0
    file, *_ = sorted(STORE.absolute().glob(f"cells/*/*/*/{kind}"))
    content = file.read_bytes()
    for length in (0, 100, -40, -2):
        file.write_bytes(content[:length])
        assert counts(ecgbench) == {"done": 1, "todo": 1}
        assert status(ecgbench)["damaged"] == [str(file)]
    assert ecgbench("status") == 0
    assert f"damaged: {file}" in ecgbench.out


def test_it_reads_only(ecgbench: Command) -> None:
    assert ecgbench.tiny(*ODD) == 1
    before = {file: file.stat().st_mtime_ns for file in STORE.rglob("*")}
    assert ecgbench("status") == 0
    assert {file: file.stat().st_mtime_ns for file in STORE.rglob("*")} == before


def test_a_store_that_cannot_be_read_is_said(ecgbench: Command) -> None:
    assert ecgbench.tiny("--seeds", "0") == 0
    (file,) = STORE.rglob("cell.json")
    file.unlink()
    file.mkdir()
    assert ecgbench("status") == 2
    assert f"cannot read {file.absolute()}" in ecgbench.err
