"""Whatever a plugin does costs its own cell, or its own score, and nothing else."""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn
import torch

from ecgbench.harness.engine.pool import LocalPool
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.plugin_state import plugin_state
from ecgbench.results.store.lease import owners

if TYPE_CHECKING:
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench

OFF = "its process ended before its work did, with exit code"
TIME = r"it took longer than its time limit of \d+ s \(--timeout\)"
MEMORY = r"it used \d\.\d\d GiB of memory, more than its limit of 1\.00 GiB \(--memory\)"
PLACE = r" \(misbehaving\.py:\d+\)"


@pytest.fixture(autouse=True)
def pids(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where plugins write down the processes that they start."""
    file = bench.folder / "pids"
    monkeypatch.setenv("PIDS", str(file))
    return file


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


def log(bench: Bench, study: Study) -> str:
    cell = bench.plan(study).cells[0].id.name
    return (bench.store.folder(cell) / "log.txt").read_text("utf-8")


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


# --- what is no crime, or is undone ----------------------------------------------------------------


def test_what_a_plugin_leaves_behind_disturbs_neither_other_scores_nor_another_cell(
    bench: Bench, pids: Path, gone: Any
) -> None:
    hows = (
        "leaves children",
        "prints for ever",
        "opens files",
        "closes standard files",
        "comes back from a fork",
        "changes everything",
    )
    expected = undisturbed(bench)
    bench.forget_trace()
    metric = {f"bad-{letter}": {"how": how} for letter, how in zip("abcdef", hows, strict=True)}
    study = all_fitted(bench, *hows, metrics=(*metric, "level", "spread"), metric=metric)
    bench.run(study, pool=LocalPool(2))
    assert [cell.state for cell in bench.plan(study).cells] == ["done"] * 7
    assert bench.watch.failures == [None] * 7
    assert outcome(bench, study, 6) == expected
    assert {outcome(bench, study, number)[1] for number in range(6)} == {
        outcome(bench, study, 0)[1]
    }
    # nothing was done twice, and nothing was printed into another's file
    assert Counter(line.split()[0] for line in bench.trace) == {
        "fit": 1,
        "step": 3,
        "sample": 1,
        "score": 14,
    }
    assert len(started(pids)) == 7 * 3 + 3
    assert all(gone(pid) for pid in started(pids))


def test_of_100_mb_that_a_plugin_prints_the_log_keeps_the_head_and_the_tail(bench: Bench) -> None:
    study = fitted(bench, "prints much")
    bench.run(study)
    assert bench.plan(study).cells[0].state == "done"
    text = log(bench, study)
    assert text.startswith("the first words\n")
    assert text.endswith("the last words\n")
    assert 4 * 2**20 < len(text) < 6 * 2**20
    (left_out,) = re.findall(r"\n\[… ([\d.]+) MiB left out …\]\n", text)
    assert len(text) / 2**20 + float(left_out) == pytest.approx(100, abs=0.2)


def test_the_next_plugin_and_the_next_cell_find_the_state_that_the_first_found(
    bench: Bench,
) -> None:
    def found(how: str, store: str) -> list[bytes]:
        bench.store_name = store
        study = fitted(
            bench,
            how,
            seeds=(0, 2),
            metrics=("bad-a", "state"),
            metric={"bad-a": {"how": how}},
        )
        bench.run(study)
        assert {cell.state for cell in bench.plan(study).cells} == {"done"}
        told = []
        for number, cell in enumerate(bench.plan(study).cells):
            (name,) = bench.scores(study, number)["state"].artefacts
            told.append((bench.store.folder(cell.id.name) / "artefacts" / name).read_bytes())
        return told

    before = found("well", "one")
    assert found("changes everything", "other") == before
    told = json.loads(before[0])
    assert told["folder"] == str(Path.cwd())
    assert told["environ"]["PIDS"] == os.environ["PIDS"]
    assert told["log"] == ["pipe", 1]
    assert json.loads(before[1])["draws"] != told["draws"]


def test_everything_is_put_back_after_an_error_too() -> None:
    def state() -> list[Any]:
        os.umask(mask := os.umask(0))
        return [
            Path.cwd(),
            dict(os.environ),
            mask,
            random.getstate(),
            np.geterr(),
            warnings.filters[:],
            sys.getrecursionlimit(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.zeros(1).device,
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_float32_matmul_precision(),
            sklearn.get_config(),
            np.get_printoptions(),
            multiprocessing.get_start_method(allow_none=True),
            sys.path[:],
            logging.root.level,
            logging.root.handlers[:],
            logging.root.manager.disable,
            sys.stdin,
            sys.stdout,
            resource.getrlimit(resource.RLIMIT_NOFILE),
        ]

    before = state()
    with contextlib.suppress(ZeroDivisionError), plugin_state(0):
        os.chdir("/")
        os.environ["PIDS"] = "elsewhere"
        os.umask(0o777)
        np.seterr(all="raise")
        warnings.simplefilter("ignore")
        sys.setrecursionlimit(5000)
        torch.set_num_threads(7)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)
        torch.set_autocast_enabled("cpu", True)
        torch.set_float32_matmul_precision("medium")
        sklearn.set_config(assume_finite=True, transform_output="pandas")
        np.set_printoptions(precision=1)
        multiprocessing.set_start_method("spawn", force=True)
        sys.path.insert(0, "/nowhere")
        logging.disable(logging.ERROR)
        logging.root.setLevel(7)
        logging.root.addHandler(logging.NullHandler())
        sys.stdin = sys.stdout = None  # as a plugin would
        raise ZeroDivisionError
    assert state() == before


def test_a_timer_that_a_plugin_has_set_does_not_go_off_in_the_next() -> None:
    kept = signal.getitimer(signal.ITIMER_REAL)[0]
    with plugin_state(0):
        signal.setitimer(signal.ITIMER_REAL, kept + 5000)
    assert signal.getitimer(signal.ITIMER_REAL)[0] < kept + 1000


def test_files_that_a_plugin_leaves_open_take_no_room_from_the_next() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    left: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        with contextlib.suppress(OSError), plugin_state(0):
            while True:
                left.append(os.open(os.devnull, os.O_RDONLY))
        with plugin_state(0):
            left += [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]
    finally:
        for each in left:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# --- time, and what the operating system counted ---------------------------------------------------


def test_the_time_limit_is_for_fitting_sampling_and_each_score_separately(bench: Bench) -> None:
    slow, metrics = {"how": "takes a second"}, [f"bad-{letter}" for letter in "abcdef"]
    study = fitted(bench, slow["how"], metrics=tuple(metrics), metric=dict.fromkeys(metrics, slow))
    bench.run(study, timeout=7)  # eight seconds altogether
    assert (bench.plan(study).cells[0].state, bench.watch.failures) == ("done", [None])


def test_costs_are_what_the_operating_system_counted(bench: Bench) -> None:
    def costs(how: str) -> Any:
        study = fitted(bench, how)
        bench.run(study)
        return bench.cell(study).costs

    little = costs("well")
    assert costs("burns").cpu_seconds - little.cpu_seconds == pytest.approx(0.5, abs=0.2)
    more = costs("allocates").peak_memory - little.peak_memory
    assert more / 2**20 == pytest.approx(300, abs=30)
    killed = costs("burns and exits")
    assert 0.45 <= killed.cpu_seconds < 2.5  # with what the process did before the fit
    assert killed.fit_seconds > 0.2  # from the news of the fit on, which may come late
    assert killed.sample_seconds == 0
    more = costs("allocates and exits").peak_memory - costs("os._exit(3)").peak_memory
    assert more / 2**20 == pytest.approx(300, abs=30)


def test_the_processor_time_of_a_score_is_counted_though_its_process_was_ended(
    bench: Bench,
) -> None:
    for how in ("burns", "burns and exits"):
        study = all_scored(bench, how)
        bench.run(study)
        found = bench.scores(study)
        assert 0.45 <= found["bad-a"].cpu_seconds < 2.5
        assert found["spread"].cpu_seconds < 0.3


# --- the run itself dies ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_dies_takes_all_processes_along_and_records_nothing_and_the_next_goes_on(
    bench: Bench,
    pids: Path,
    gone: Any,
    wait_for: Any,
    monkeypatch: pytest.MonkeyPatch,
    end: signal.Signals,
) -> None:
    hang = bench.folder / "hang"
    monkeypatch.setenv("HANG", str(hang))
    hang.touch()
    study = fitted(bench, "waits with children", seeds=(0, 1))
    flags = ["--generators=bad", "--seeds=0,1", "--metrics=spread", "--jobs=2"]
    run = bench.command(*flags, "--set=generator.bad.how=waits with children")
    wait_for(lambda: len(started(pids)) == 6)  # of each cell the worker, a child and a daemon
    assert len(owners(bench.store.path)) == 2
    os.killpg(run.pid, end)
    out, _ = run.communicate(timeout=180)
    assert run.returncode == (130 if end == signal.SIGINT else -end)
    assert ("interrupted; what was finished stands" in out) == (end == signal.SIGINT)
    wait_for(lambda: all(gone(pid) for pid in started(pids)))
    assert [cell.state for cell in bench.plan(study).cells] == ["todo", "todo"]
    assert owners(bench.store.path) == {}
    hang.unlink()
    bench.run(study, pool=LocalPool(2))
    assert [cell.state for cell in bench.plan(study).cells] == ["done", "done"]
