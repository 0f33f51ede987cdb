"""`OnceInStore`, asked by several processes at the same time."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ecgbench.harness.cell.once import OnceInStore
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.planning.code import code_of_module
from ecgbench.results.store.progress import Usage
from tests.harness.conftest import calls

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.harness.conftest import Bench


def ask(targets: Any, bench: Bench, who: str, *, hang: bool = False) -> list[Any]:
    once = OnceInStore(bench.store, bench.plan().cells[0].id)
    messages = process.call(targets.ask_once, once, bench.folder, who, hang, kinds=targets.KINDS)
    return [
        message.reason if isinstance(message, Exit) else message.value
        for message in messages
        if not isinstance(message, Usage)
    ]


def computed(bench: Bench) -> list[str]:
    file = bench.folder / "computed"
    return file.read_text().split() if file.exists() else []


def test_two_processes_that_ask_at_the_same_time_compute_once(targets: Any, bench: Bench) -> None:
    bench.plan()
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda who: ask(targets, bench, who), ["one", "other"]))
    assert found == [[[0, 1, 2], None]] * 2
    assert len(computed(bench)) == 1


def test_a_process_that_dies_as_it_computes_leaves_it_to_the_one_that_waits(
    targets: Any, bench: Bench, wait_for: Any
) -> None:
    bench.plan()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, targets, bench, "one", hang=True)
        wait_for(lambda: computed(bench) != [])
        second = threads.submit(ask, targets, bench, "other")
        wait_for((bench.folder / "other.asks").exists)
        os.kill(int((bench.folder / "one.asks").read_text()), signal.SIGKILL)
        assert first.result() == ["its process was ended by SIGKILL (out of memory?)"]
        assert second.result() == [[0, 1, 2], None]
    assert computed(bench) == ["one", "other"]


def test_code_that_was_edited_and_settings_of_any_type_are_computed_anew(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    once = OnceInStore(bench.store, bench.plan().cells[0].id)
    module = tmp_path / "acme_null.py"

    def ask(value: int, settings: object = None) -> int:
        module.write_text(
            f"import numpy as np\ndef null(): return {{'value': np.array({value})}}\n"
        )
        sys.modules.pop("acme_null", None)
        importlib.invalidate_caches()
        code_of_module.cache_clear()
        fresh = OnceInStore(bench.store, bench.plan().cells[0].id)
        compute = functools.partial(importlib.import_module("acme_null").null)
        return int(fresh.get("null", settings, compute)["value"])

    assert [ask(1), ask(22), ask(1)] == [1, 22, 1]
    assert len(list(once.folder.glob("null-*.npz"))) == 2
    for settings in ({"cap": float("inf")}, {"cap": None}, {0: 1.0}, frozenset({"b", "a"})):
        ask(1, settings)
    assert len(list(once.folder.glob("null-*.npz"))) == 6
    sys.modules.pop("acme_null", None)


# --- shared computations ---------------------------------------------------------------------------


def test_what_depends_on_dataset_and_seed_alone_is_computed_once_per_store(bench: Bench) -> None:
    study = bench.study(generators=("jitter", "jitter-by-class"), metrics=("shared",))
    bench.work(study)
    assert calls(bench)["once"] == 1
    assert bench.scores(study, 0)["shared"].value == bench.scores(study, 1)["shared"].value
    bench.work(bench.study(generators=("jitter",), metrics=("shared",), seeds=(0, 1)))
    assert calls(bench)["once"] == 2
    bench.work(bench.study(metrics=("shared",), windows=200))
    assert calls(bench)["once"] == 3
    bench.store_name = "other"
    bench.work(study)
    assert calls(bench)["once"] == 4
    assert len(list(bench.store.path.glob("shared/cohort/seed-0/mean-window-*.npz"))) == 1


def test_a_shared_computation_that_was_damaged_is_made_again(bench: Bench) -> None:
    bench.work(bench.study(metrics=("shared",)))
    (file,) = bench.store.path.glob("shared/*/*/*.npz")
    before = file.read_bytes()
    file.write_bytes(before[: len(before) // 2])
    study = bench.study(generators=("jitter-by-class",), metrics=("shared",))
    bench.work(study)
    assert bench.scores(study)["shared"].status == "ok"
    assert file.read_bytes() == before
