"""Generators and metrics that misbehave in processes of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.engine.pool import LocalPool
from ecgbench.harness.isolation import process
from ecgbench.results.store.lease import owners
from tests.harness.conftest import log
from tests.harness.isolation.conftest import (
    MEMORY,
    OFF,
    PLACE,
    TIME,
    all_fitted,
    all_scored,
    fitted,
    outcome,
    started,
    undisturbed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.conftest import Bench


pytestmark = pytest.mark.usefixtures("pids")


# --- a generator -----------------------------------------------------------------------------------

ERRORS = {
    "raises": f"ZeroDivisionError: the loss vanished{PLACE}",
    "NaN": r"generator bad-2: 1 of \d+ windows hold NaN or infinite samples, .*",
    "too short": r"generator bad-3 returned signals of shape .* is wanted",
    "too few": r"generator bad-4 returned signals of shape .* is wanted",
    "recursion": f"RecursionError: maximum recursion depth exceeded.*{PLACE}",
    "writes to train": f"ValueError: assignment destination is read-only{PLACE}",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "BaseException": r"(\S+\.)?Odd: beyond\nreason",
}
ENDS = {
    "sys.exit()": f"{OFF} 0",
    "sys.exit(text)": f"{OFF} 1",
    "os._exit(3)": f"{OFF} 3",
    "segfault": "its process was ended by SIGSEGV",
    "killed": r"its process was ended by SIGKILL \(out of memory\?\)",
    "kills its guard": "the process that guarded it was killed",
}
HANGS = dict.fromkeys(
    ("hangs", "hangs in C", "hangs in sampling", "stops itself", "stops its guard"), TIME
)
EATS = dict.fromkeys(("eats memory", "a child eats memory"), MEMORY)


@pytest.mark.parametrize(
    ("crimes", "jobs", "machine"),
    [
        pytest.param(ERRORS, 2, {}, id="errors"),
        pytest.param(ENDS, 2, {}, id="ends"),
        pytest.param(HANGS, 6, {"timeout": 8}, id="hangs"),
        pytest.param(EATS, 2, {"memory": 2**30}, id="eats"),
    ],
)
def test_a_generator_that_misbehaves_fails_its_own_cell_with_a_reason_and_leaves_nothing(
    bench: Bench,
    pids: Path,
    gone: Any,
    crimes: dict[str, str],
    jobs: int,
    machine: dict[str, Any],
) -> None:
    study, expected = all_fitted(bench, *crimes), undisturbed(bench)
    bench.run(study, pool=LocalPool(jobs), **machine)
    *bad, good = bench.plan(study).cells
    assert (good.state, good.reason) == ("done", "")
    assert outcome(bench, study, len(bad)) == expected
    assert {cell.state for cell in bad} == {"failed"}
    for cell, (how, reason) in zip(bad, crimes.items(), strict=True):
        assert re.fullmatch(reason, cell.reason), f"{how}: {cell.reason}"
        assert bench.store.scores(cell.id.name) == []
    assert all(gone(pid) for pid in started(pids))
    assert owners(bench.store.path) == {}


def test_a_guard_that_a_plugin_keeps_stopped_is_ended_with_all_that_it_guarded(
    bench: Bench, pids: Path, gone: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 1.0)
    study = fitted(bench, "keeps its guard stopped")
    bench.run(study, timeout=5)
    (cell,) = bench.plan(study).cells
    assert cell.state == "failed"
    assert re.fullmatch(TIME, cell.reason)
    assert len(started(pids)) == 2
    wait_for(lambda: all(gone(pid) for pid in started(pids)))


def test_what_a_plugin_says_as_it_exits_is_in_the_log(bench: Bench) -> None:
    study = fitted(bench, "sys.exit(text)")
    bench.run(study)
    assert "no licence found" in log(bench, study)


# --- a metric --------------------------------------------------------------------------------------


def test_a_metric_that_misbehaves_fails_its_own_score_with_a_reason_and_leaves_nothing(
    bench: Bench, pids: Path, gone: Any
) -> None:
    crimes = {
        "raises": f"ZeroDivisionError: no windows at all{PLACE}",
        "KeyboardInterrupt": "KeyboardInterrupt",
        "hangs in C": TIME,
        "os._exit(0)": f"{OFF} 0",
        "kills its guard": "the process that guarded it was killed",
        "eats memory": MEMORY,
    }
    study, expected = all_scored(bench, *crimes), undisturbed(bench)
    bench.run(study, timeout=8, memory=2**30)
    assert outcome(bench, study, 0) == expected
    scores = bench.scores(study)
    for name, (how, reason) in zip(study.metric, crimes.items(), strict=True):
        assert scores[name].status == "failed", how
        assert re.fullmatch(reason, scores[name].reason), f"{how}: {scores[name].reason}"
    assert all(gone(pid) for pid in started(pids))
