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
from ecgbench.harness.isolation.plugin_state import plugin_state
from tests.harness.conftest import log
from tests.harness.isolation.conftest import all_fitted, fitted, outcome, started, undisturbed

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


pytestmark = pytest.mark.usefixtures("pids")


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
