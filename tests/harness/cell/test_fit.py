"""What a generator finds about itself while it is fitted, and what it leaves."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.harness.cell.messages import CellEnded, Note
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.split import split
from ecgbench.results.store.progress import Part

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


@pytest.fixture
def researched(bench: Bench) -> Bench:
    bench.files = (bench.files[0], bench.files[0].with_name("research.py"))
    return bench


def study_of(bench: Bench, how: str, *, name: str = "research", **fields: Any) -> Study:
    settings = {name: {"how": how, "file": fields.pop("file", "")}}
    return bench.study(generators=(name,), generator=settings, **fields)


def log(bench: Bench, study: Study, number: int = 0) -> str:
    name = bench.plan(study).cells[number].id.name
    return (bench.store.folder(name) / "log.txt").read_text("utf-8")


def test_each_model_has_an_empty_working_folder_of_its_own(researched: Bench) -> None:
    kept = study_of(researched, "keeps a file", metrics=("spread",), seeds=(0, 1))
    held = study_of(researched, "well", metrics=("spread",), seeds=(0, 1))
    researched.work(kept)
    researched.work(held)
    for number in (0, 1):
        assert researched.cell(kept, number).status == "ok", researched.cell(kept, number).reason
        digests = {researched.cell(study, number).synthetic for study in (kept, held)}
        assert len(digests) == 1


def test_a_seed_never_goes_on_from_the_model_of_another(researched: Bench) -> None:
    study = study_of(researched, "resumes", metrics=("spread",), seeds=(0, 1))
    researched.work(study)
    alone = study_of(researched, "resumes", metrics=("spread",), seeds=(1,))
    researched.store_name = "alone"
    researched.work(alone)
    expected = researched.cell(alone).synthetic
    researched.store_name = "store"
    assert researched.cell(study, 1).synthetic == expected


def test_what_is_left_in_the_working_folder_is_told_and_gone(
    researched: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    study = study_of(researched, "keeps a file", metrics=("spread",))
    sent = researched.work(study)
    parts = [message.name for message in sent if isinstance(message, Part)]
    assert parts == ["class N, 1 of 2", "class S, 2 of 2"]
    (note,) = [message.text for message in sent if isinstance(message, Note)]
    assert note.startswith("the generator left 2 files (")
    assert "class-0/best.npy, class-1/best.npy" in note
    folder = researched.store.folder(researched.plan(study).cells[0].id.name)
    assert not (folder / "fit").exists()
    assert list((tmp_path / "here").iterdir()) == []


def test_a_setting_that_names_a_file_is_read_in_the_users_folder(
    researched: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.txt").write_text("1")
    study = study_of(researched, "well", file="weights.txt", metrics=("spread",))
    researched.work(study)
    assert researched.cell(study).status == "ok", researched.cell(study).reason


def test_the_fitting_process_knows_the_training_windows_and_their_people_alone(
    researched: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGBENCH_STORE", "somewhere")
    study = study_of(researched, "tells", metrics=("spread",))
    researched.run(study)
    assert researched.cell(study).status == "ok", researched.cell(study).reason
    (source,) = researched.sources(study)
    members = sorted(set(split(data.windows(source), 0).train.patients.tolist()))
    for line in log(researched, study).splitlines():
        if line.startswith("TOLD "):
            told = ast.literal_eval(line.removeprefix("TOLD "))
            assert set(told["people"]) <= set(members)
            assert told["attributes"] == members
            assert told["folder"] == []
            assert "ECGBENCH_STORE" not in told["variables"]
            assert told["windows"] == 0


@pytest.mark.slow
def test_a_function_of_a_file_plugin_reaches_forked_and_spawned_children(
    researched: Bench,
) -> None:
    study = study_of(researched, "starts children", metrics=("spread",))
    researched.run(study, timeout=120)
    assert researched.cell(study).status == "ok", researched.cell(study).reason


@pytest.mark.parametrize("part", ["control", "auxiliary", "fresh", "test"])
def test_windows_that_are_real_ones_from_outside_train_fail_the_cell_by_name(
    researched: Bench, tmp_path: Path, part: str
) -> None:
    (source,) = researched.sources(researched.study())
    splits = split(data.windows(source), 0)
    stolen, count = getattr(splits, part).signals, len(splits.fresh)
    rounding = np.random.default_rng(0).uniform(-5e-4, 5e-4, stolen.shape).astype(np.float32)
    np.save(tmp_path / "stolen.npy", np.resize(stolen + rounding, (count, *stolen.shape[1:])))
    study = study_of(
        researched, "", name="thief", file=str(tmp_path / "stolen.npy"), metrics=("spread",)
    )
    sent = researched.work(study)
    record = researched.cell(study)
    assert record.status == "failed"
    assert record.reason.startswith(
        f"generator thief: {count} of {count} windows are real ones of {part}, which no generator"
    )
    assert CellEnded("failed", record.reason) in sent
    assert record.sizes["train"] == len(splits.train)
    assert researched.scores(study) == {}


def test_copies_of_training_windows_are_no_reason_to_fail(
    researched: Bench, tmp_path: Path
) -> None:
    (source,) = researched.sources(researched.study())
    splits = split(data.windows(source), 0)
    np.save(tmp_path / "copies.npy", splits.train.signals[: len(splits.fresh)])
    study = study_of(
        researched, "", name="thief", file=str(tmp_path / "copies.npy"), metrics=("spread",)
    )
    researched.work(study)
    assert researched.cell(study).status == "ok", researched.cell(study).reason


def test_metrics_of_one_origin_cannot_touch_the_scores_of_another(researched: Bench) -> None:
    study = researched.study(metrics=("patches", "level", "spread"))
    researched.run(study)
    found = {name: score.status for name, score in researched.scores(study).items()}
    assert found == {"patches": "ok", "level": "ok", "spread": "ok"}
