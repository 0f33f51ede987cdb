"""A cell from its division to its scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.harness.cell.messages import CellEnded, ScoreEnded
from ecgbench.results.store.progress import Stage, Step
from tests.harness.conftest import bench_splits, calls, curve, folder, stored

if TYPE_CHECKING:
    from tests.harness.conftest import Bench


# --- a cell that goes well -------------------------------------------------------------------------


def test_a_cell_is_fitted_once_sampled_once_and_scored_by_every_metric(bench: Bench) -> None:
    sent = bench.work()
    assert calls(bench) == {"load": 1, "fit": 1, "step": 3, "sample": 1, "score": 2}
    assert [m for m in sent if isinstance(m, Stage)] == [
        Stage("data"),
        Stage("fit"),
        Stage("sample"),
        Stage("score level"),
        Stage("score spread"),
    ]
    assert Step(3, 3, {"loss": 1 / 3}) in sent
    assert CellEnded("ok", "") in sent
    level = bench.scores()["level"]
    assert ScoreEnded("level", "ok", "", level.value) in sent
    assert bench.plan().cells[0].state == "done"


def test_the_record_tells_how_the_cell_was_made(bench: Bench) -> None:
    study = bench.study(seeds=(1,), windows=200)
    bench.work(study)
    record, splits = bench.cell(study), bench_splits(bench, 1, 200)
    assert (record.status, record.reason, record.fold, record.threads) == ("ok", "", 1, 1)
    assert record.sizes == {
        "train": len(splits.train),
        "control": len(splits.control),
        "auxiliary": len(splits.auxiliary),
        "fresh": len(splits.fresh),
        "test": len(splits.test),
        "members": 3,
        "unseen": 3,
    }
    assert record.costs is not None
    assert record.costs.fit_seconds >= 0
    assert record.costs.sample_seconds >= 0
    assert 2**20 < record.costs.peak_memory < 2**37
    assert record.costs.parameters == 7
    assert record.environment["device"] == "cpu"
    assert record.environment["packages"]["numpy"] == np.__version__
    assert record.finished.endswith("+00:00")


def test_the_environment_tells_no_host_user_or_path(bench: Bench) -> None:
    import getpass
    import socket

    bench.work()
    told = json.dumps(bench.cell().environment)
    for secret in (socket.gethostname(), getpass.getuser(), str(bench.folder), "/"):
        assert f'"{secret}' not in told


def test_synthetic_windows_have_the_labels_of_fresh_in_their_order(bench: Bench) -> None:
    bench.work()
    found = stored(bench)
    assert sorted(found) == ["labels", "signals"]
    assert found["signals"].dtype == np.float32
    assert found["signals"].shape == (len(found["labels"]), 1, 16)
    assert np.array_equal(found["labels"], bench_splits(bench).fresh.labels)


def test_a_conditional_generator_is_fitted_once_on_all_classes(bench: Bench) -> None:
    bench.work()
    n = len(bench_splits(bench).train)
    assert [line for line in bench.trace if line.startswith("fit")] == [f"fit {n} 0,1"]


def test_one_that_is_not_is_fitted_once_per_class_and_its_windows_are_put_in_order(
    bench: Bench,
) -> None:
    study = bench.study(
        generators=("jitter-by-class",), generator={"jitter-by-class": {"sigma": 0}}
    )
    bench.work(study)
    splits = bench_splits(bench)
    by_class = [int((splits.train.labels == c).sum()) for c in (0, 1)]
    fits = [line for line in bench.trace if line.startswith("fit")]
    assert fits == [f"fit {by_class[0]} 0", f"fit {by_class[1]} 1"]
    found = stored(bench, study)
    assert np.array_equal(found["labels"], splits.fresh.labels)
    for signal, label in zip(found["signals"], found["labels"], strict=True):
        (rows,) = np.nonzero((splits.train.signals == signal).all(axis=(1, 2)))
        assert set(splits.train.labels[rows]) == {label}
    costs = bench.cell(study).costs
    assert costs is not None
    assert costs.parameters == 14


def test_a_score_keeps_value_parts_people_and_artefacts(bench: Bench) -> None:
    bench.work()
    record, splits = bench.scores()["level"], bench_splits(bench)
    expected = float(
        np.abs(splits.control.signals).mean() - np.abs(stored(bench)["signals"]).mean()
    )
    assert record.value == pytest.approx(expected, abs=1e-6)
    assert record.parts["nothing"] is None
    assert record.n == len(splits.control)
    assert record.synthetic == bench.cell().synthetic
    assert record.contributions is not None
    assert record.contributions.people == sorted(set(splits.control.patients.tolist()))
    name = f"level-{record.metric.key}-note.txt"
    assert list(record.artefacts) == [name]
    assert (folder(bench) / "artefacts" / name).read_bytes() == b"a note"


def test_a_metric_with_two_settings_keeps_the_artefacts_of_both(bench: Bench) -> None:
    bench.work(bench.study(metrics=("level",)))
    bench.work(bench.study(metrics=("level",), metric={"level": {"scale": 2.0}}))
    (cell,) = bench.store.cell_names()
    assert len(list((folder(bench) / "artefacts").glob("level-*-note.txt"))) == 2
    assert bench.store.damage(cell) is None


def test_a_metric_that_does_not_apply_is_skipped_with_its_reason(bench: Bench) -> None:
    sent = bench.work(bench.study(metrics=("never",)))
    (record,) = bench.scores(bench.study(metrics=("never",))).values()
    assert (record.status, record.reason, record.value) == ("skipped", "it never applies", None)
    assert ScoreEnded("never", "skipped", "it never applies", None) in sent


def test_the_training_curve_becomes_an_artefact(bench: Bench) -> None:
    bench.work()
    rows = curve(bench)
    assert [(row["step"], float(row["loss"])) for row in rows] == [
        ("1", 1.0),
        ("2", 0.5),
        ("3", 1 / 3),
    ]
    assert "training.csv" in bench.cell().artefacts
    assert not (folder(bench) / "training.jsonl").exists()


def test_the_curve_of_a_generator_fitted_per_class_has_every_fit(bench: Bench) -> None:
    study = bench.study(generators=("jitter-by-class",))
    bench.work(study)
    rows = [(row["part"], row["step"]) for row in curve(bench, study)]
    assert rows == [(f"class-{c}", str(step)) for c in (0, 1) for step in (1, 2, 3)]


def test_a_generator_that_logs_nothing_has_no_curve(bench: Bench) -> None:
    study = bench.study(generator={"jitter": {"steps": 0}})
    bench.work(study)
    assert "training.csv" not in bench.cell(study).artefacts


# --- reference rows --------------------------------------------------------------------------------


def test_a_reference_row_stores_which_windows_it_took_and_never_their_signals(
    bench: Bench,
) -> None:
    study = bench.study(generators=("chosen",), metrics=("level",))
    bench.work(study)
    found, train = stored(bench, study), bench_splits(bench).train
    assert sorted(found) == ["indices", "labels"]
    assert train.indices is not None
    assert set(found["indices"]) <= set(train.indices)
    record = bench.cell(study)
    assert (record.reference, record.stored) == (True, False)


def test_a_reference_row_is_made_again_for_a_score_that_is_missing(bench: Bench) -> None:
    study = bench.study(generators=("chosen",), metrics=("level",))
    bench.work(study)
    more = bench.study(generators=("chosen",))
    bench.work(more)
    assert bench.scores(more)["spread"].status == "ok"
    assert sorted(f.name for f in folder(bench, more).iterdir()) == [
        "artefacts",
        "cell.json",
        "scores",
        "synthetic.npz",
    ]


# --- the same cell twice ---------------------------------------------------------------------------


@pytest.mark.parametrize("generator", ["jitter", "jitter-by-class", "chosen"])
def test_the_same_cell_in_two_stores_has_the_same_bytes_but_for_times(
    bench: Bench, generator: str
) -> None:
    study = bench.study(generators=(generator,), metrics=("level", "spread", "shared", "never"))
    texts: list[dict[str, Any]] = []
    windows: list[bytes] = []
    for name in ("one", "other"):
        bench.store_name = name
        bench.work(study)
        windows.append((folder(bench, study) / "synthetic.npz").read_bytes())
        texts.append({})
        for file in sorted(folder(bench, study).rglob("*.json")):
            record = json.loads(file.read_text())
            for time in ("seconds", "cpu_seconds", "finished", "costs", "sha256"):
                record.pop(time, None)
            texts[-1][file.relative_to(bench.store.path).as_posix()] = record
    assert windows[0] == windows[1]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 5
