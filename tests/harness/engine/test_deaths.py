"""Processes of a cell that die."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.harness.cell.messages import SetAside
from ecgbench.harness.isolation import process
from tests.harness.engine.conftest import processes, scored

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


# --- processes that die ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("segfault", "its process was ended by SIGSEGV"),
        ("killed", "its process was ended by SIGKILL (out of memory?)"),
        ("os._exit(3)", "its process ended before its work did, with exit code 3"),
        ("os._exit(0)", "its process ended before its work did, with exit code 0"),
        ("sys.exit()", "its process ended before its work did, with exit code 0"),
    ],
)
def test_a_metric_that_ends_the_process_fails_only_itself(
    bench: Bench, how: str, reason: str
) -> None:
    study = scored(bench, how)
    bench.run(study)
    found = bench.scores(study)
    assert {name: score.status for name, score in found.items()} == {
        "level": "ok",
        "bad-a": "failed",
        "spread": "ok",
    }
    assert found["bad-a"].reason == reason
    assert Counter(line.split()[0] for line in bench.trace)["fit"] == 1
    assert bench.trace.count("score level") == 1
    assert bench.watch.failures == [reason]
    assert processes(bench) == 2


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("killed", "its process was ended by SIGKILL (out of memory?)"),
        ("os._exit(0)", "its process ended before its work did, with exit code 0"),
    ],
)
def test_a_generator_that_ends_the_process_fails_its_cell_and_the_run_goes_on(
    bench: Bench, how: str, reason: str
) -> None:
    study = bench.study(generators=("bad", "jitter"), generator={"bad": {"how": how}})
    bench.run(study)
    bad, good = bench.plan(study).cells
    assert (bad.state, bad.reason) == ("failed", reason)
    assert good.state == "done"
    assert bench.watch.failures == [reason, None]
    record = bench.cell(study)
    assert record.environment["device"] == "cpu"
    assert record.study["name"] == "test"


def test_a_thread_that_a_generator_leaves_running_does_not_hold_up_the_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    study = bench.study(generators=("bad",), generator={"bad": {"how": "thread"}})
    bench.run(study)
    assert bench.plan(study).cells[0].state == "done"


def test_a_retried_metric_that_dies_again_takes_no_other_down(bench: Bench) -> None:
    bench.run(scored(bench, "killed", metrics=("level", "bad-a")))
    study = scored(bench, "killed")
    bench.run(study, retry_failed=True)
    found = {name: score.status for name, score in bench.scores(study).items()}
    assert found == {"level": "ok", "bad-a": "failed", "spread": "ok"}
    assert bench.trace.count("score level") == 1


def test_a_cell_whose_windows_are_damaged_is_set_aside_and_made_again(bench: Bench) -> None:
    bench.run(bench.study(metrics=("level",)))
    cell, value = bench.plan().cells[0].id.name, bench.scores()["level"].value
    (bench.store.folder(cell) / "synthetic.npz").write_bytes(b"damaged")
    bench.run()
    found = bench.scores()
    assert {name: score.status for name, score in found.items()} == {"level": "ok", "spread": "ok"}
    assert found["level"].value == value
    (why,) = [m.reason for m in bench.watch.messages if isinstance(m, SetAside)]
    assert "synthetic.npz is damaged" in why
    (aside,) = bench.store.path.glob("damaged/cohort/jitter/*/synthetic.npz")
    assert aside.read_bytes() == b"damaged"
    assert processes(bench) == 2  # once to score it, once to make it again


def test_too_few_windows_for_the_split_fail_the_cell_with_the_reason(bench: Bench) -> None:
    study = bench.study(dataset={"cohort": {"windows": 8}})
    bench.run(study)
    assert "leave none for" in bench.plan(study).cells[0].reason


def test_a_worker_that_is_killed_in_mid_score_costs_that_score_only(
    bench: Bench, wait_for: Any
) -> None:
    pid = bench.folder / "pid"
    study = bench.study(metrics=("level", "waits", "spread"), metric={"waits": {"pid": str(pid)}})

    def kill() -> None:
        wait_for(lambda: pid.exists() and pid.read_text() != "")
        os.kill(int(pid.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    bench.run(study)
    killer.join()
    found = {name: score.status for name, score in bench.scores(study).items()}
    assert found == {"level": "ok", "waits": "failed", "spread": "ok"}
    bench.forget_trace()
    bench.run(study, retry_failed=True)
    assert bench.scores(study)["waits"].value == 0.5
    assert bench.trace == []
