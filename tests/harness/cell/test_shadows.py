from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.harness.cell.shadows import _resampled
from ecgbench.harness.planning.plan import metric_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench import EcgWindows
    from tests.harness.conftest import Bench


@pytest.fixture
def shadowed(bench: Bench) -> Bench:
    bench.files = (*bench.files, bench.files[0].with_name("shadow.py"))
    return bench


def fits(bench: Bench) -> list[str]:
    return [line for line in bench.trace if line.startswith("fit")]


def test_a_metric_fits_the_generator_again_on_the_windows_it_names(shadowed: Bench) -> None:
    study = shadowed.study(metrics=("refits",))
    shadowed.work(study)
    whole, first, second = (int(line.split()[1]) for line in fits(shadowed))
    assert first + second == whole
    score = shadowed.scores(study)["refits"]
    assert score.status == "ok"
    assert score.value
    folder = shadowed.store.folder(shadowed.plan(study).cells[0].id.name)
    assert not (folder / "shadows").exists()
    assert not (folder / "fit").exists()


def test_the_same_seed_gives_the_same_value(shadowed: Bench) -> None:
    study = shadowed.study(metrics=("refits",))
    values = []
    for name in ("one", "two"):
        shadowed.store_name = name
        shadowed.work(study)
        values.append(shadowed.scores(study)["refits"].value)
    assert values[0] == values[1]


def test_a_fit_that_is_finished_is_not_done_again_after_an_interruption(
    shadowed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = shadowed.study(metrics=("refits",))
    switch = shadowed.folder / "interrupt"
    switch.touch()
    monkeypatch.setenv("INTERRUPT", str(switch))
    with pytest.raises(KeyboardInterrupt):
        shadowed.work(study)
    assert len(fits(shadowed)) == 2
    switch.unlink()
    shadowed.forget_trace()
    shadowed.work(study)
    assert len(fits(shadowed)) == 1
    interrupted = shadowed.scores(study)["refits"].value
    shadowed.store_name = "other"
    shadowed.work(study)
    assert shadowed.scores(study)["refits"].value == interrupted


def test_a_costly_metric_runs_only_where_it_is_named(shadowed: Bench) -> None:
    named = metric_records(shadowed.study(metrics=("refits",)), shadowed.catalog)
    assert [metric.name for metric in named] == ["refits"]
    everything = metric_records(shadowed.study(metrics=None), shadowed.catalog)
    assert "level" in {metric.name for metric in everything}
    assert "refits" not in {metric.name for metric in everything}


def test_a_reference_that_returns_fresh_windows_returns_others_each_time(
    make_windows: Callable[..., EcgWindows],
) -> None:
    fresh = make_windows(np.zeros(200), np.arange(200) % 3)
    first, second = (_resampled(fresh, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.array_equal(first.labels, fresh.labels)
    assert not np.array_equal(first.signals, second.signals)
    assert 0.5 < len(np.unique(first.signals, axis=0)) / len(fresh) < 0.8  # 1 - 1/e of them
    for made, label in zip(first.signals, first.labels, strict=True):
        assert (made == fresh.signals[fresh.labels == label]).all(axis=(1, 2)).any()


@pytest.mark.long
@pytest.mark.slow
def test_an_attack_on_fresh_windows_has_a_null_that_varies(tmp_path: Path) -> None:
    name = "likelihood-ratio-membership-inference"
    flags = ["--datasets", "ecgsyn", "--windows", "1200", "--seeds", "0", "--no-references"]
    flags += ["--generators", "real", "--metrics", name, "--store", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "ecgbench", "run", *flags], capture_output=True, check=True
    )
    [file] = tmp_path.rglob(f"scores/{name}-*.json")
    value = json.loads(file.read_text("utf-8"))["value"]
    assert value == pytest.approx(0.5, abs=0.15)
    assert value != 0.5  # as if the same windows had been drawn each time
