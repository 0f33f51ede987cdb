from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest


from ecgbench.harness.errors import StoreError, UsageError
from ecgbench.results.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
)
from ecgbench.results.store import Store, write

DATASET = DatasetRecord(
    name="cohort", version=1, settings={"gain": 1.0}, origin="x 1", digest="d" * 64
)
GENERATOR = PluginRecord(name="jitter", version=1, settings={"sigma": 0.1}, origin="x 1")
CELL = CellId(dataset=DATASET, generator=GENERATOR, seed=0, protocol=1)
METRIC = MetricRecord(
    name="level",
    version=1,
    settings={"scale": 1.0},
    origin="x 1",
    family="fidelity",
    better="lower",
    bounds=(0.0, None),
    ideal=0.0,
    ranked=True,
)
RECORD = CellRecord(
    cell=CELL,
    status="ok",
    synthetic="s" * 64,
    fold=1,
    sizes={"train": 10},
    costs=CostsRecord(fit_seconds=1.5, sample_seconds=0.1, cpu_seconds=2.5, peak_memory=10**9, parameters=7),
    environment={"python": "3.11", "packages": {"torch": None}},
    study={"seeds": [0, 1]},
    threads=2,
    finished="2026-01-01T00:00:00+00:00",
    artefacts={"training.csv": "a" * 64},
)
SCORE = ScoreRecord(
    metric=METRIC,
    cell=CELL.name,
    synthetic="s" * 64,
    status="ok",
    value=0.25,
    parts={"N": 0.5},
    contributions=ContributionsRecord(
        people=[4, 9],
        numerators=[[1.0], [2.0]],
        denominators=[[2.0], [1.0]],
        coefficients=[1.0],
        offset=0.5,
    ),
    n=12,
    seconds=0.1,
    artefacts={"level-note.txt": "b" * 64},
    finished="2026-01-01T00:00:00+00:00",
)
PLAN = PlanRecord(
    protocol=1,
    study="quick",
    settings={"windows": 100},
    datasets=[DATASET],
    generators=[GeneratorRecord(name="jitter", version=1, settings={"sigma": 0.1}, origin="x 1")],
    metrics=[METRIC],
    cells=[PlannedCell(name=CELL.name, dataset=0, generator=0, seed=0)],
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def change(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


def files(folder: Path) -> list[str]:
    """Everything below a folder, hidden files too."""
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


# --- what identifies a cell and a score ------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        change(CELL, seed=1),
        change(CELL, protocol=2),
        change(CELL, submitted=True),
        change(CELL, generator=change(GENERATOR, version=2)),
        change(CELL, generator=change(GENERATOR, settings={"sigma": 0.2})),
        change(CELL, generator=change(GENERATOR, settings={"sigma": 0.1, "steps": 1})),
        change(CELL, generator=change(GENERATOR, name="jitter2")),
        change(CELL, dataset=change(DATASET, version=2)),
        change(CELL, dataset=change(DATASET, settings={"gain": 2.0})),
        change(CELL, dataset=change(DATASET, digest="e" * 64)),
        change(CELL, dataset=change(DATASET, windows=100)),
        change(CELL, dataset=change(DATASET, name="cohort2")),
    ],
)
def test_a_cells_key_changes_with_whatever_can_change_its_windows(other: CellId) -> None:
    assert other.key != CELL.key
    assert other.name != CELL.name


@pytest.mark.parametrize(
    "same",
    [
        change(CELL, generator=change(GENERATOR, origin="y 2")),
        change(CELL, dataset=change(DATASET, origin="y 2")),
        change(CELL, dataset=change(DATASET, settings=dict(DATASET.settings))),
    ],
)
def test_a_cells_key_does_not_change_with_anything_else(same: CellId) -> None:
    assert same.key == CELL.key


def test_a_key_does_not_depend_on_the_order_of_settings() -> None:
    one = change(GENERATOR, settings={"a": 1, "b": [1, 2]})
    other = change(GENERATOR, settings={"b": (1, 2), "a": 1})
    assert one.key == other.key


@pytest.mark.parametrize("fields", [{"version": 2}, {"settings": {"scale": 2.0}}])
def test_a_scores_key_changes_with_the_metrics_version_and_settings(fields: Any) -> None:
    assert change(METRIC, **fields).key != METRIC.key


@pytest.mark.parametrize("fields", [{"summary": "x"}, {"origin": "y 2"}, {"ideal": None}])
def test_a_scores_key_does_not_change_with_what_a_board_shows_of_a_metric(fields: Any) -> None:
    assert change(METRIC, **fields).key == METRIC.key


def test_a_cells_name_is_dataset_generator_seed_and_key() -> None:
    assert CELL.name == f"cohort/jitter/seed-0-{CELL.key}"
    assert len(CELL.key) == 12


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"study": "standard"}, False),
        ({"settings": {}}, False),
        ({"metrics": []}, True),
        ({"cells": []}, True),
    ],
)
def test_plans_of_one_study_and_settings_make_one_board(fields: Any, *, same: bool) -> None:
    assert (change(PLAN, **fields).board_key == PLAN.board_key) == same


# --- reading what was written ----------------------------------------------------------------------


def test_records_are_read_as_they_were_written(store: Store) -> None:
    store.write_cell(RECORD)
    store.write_score(SCORE)
    store.write_plan(PLAN)
    assert store.cell(CELL.name) == RECORD
    assert store.score(CELL.name, METRIC) == SCORE
    assert store.scores(CELL.name) == [SCORE]
    assert store.plans() == [PLAN]
    assert list(store.cell_names()) == [CELL.name]


def test_the_layout_is_plain_files(store: Store) -> None:
    store.write_cell(RECORD)
    store.write_score(SCORE)
    digest = store.write_artefact(CELL.name, "level-note.txt", b"a note")
    store.write_plan(PLAN)
    cell = f"cells/cohort/jitter/seed-0-{CELL.key}"
    found = files(store.path)
    assert found[:3] == [
        f"{cell}/artefacts/level-note.txt",
        f"{cell}/cell.json",
        f"{cell}/scores/level-{METRIC.key}.json",
    ]
    assert found[3].startswith(f"plans/{PLAN.board_key}/")
    assert len(found) == 4
    assert digest == hashlib.sha256(b"a note").hexdigest()
    assert json.loads((store.path / found[1]).read_text())["schema"] == 1


def test_nothing_is_there_before_it_is_written(store: Store) -> None:
    assert store.cell(CELL.name) is None
    assert store.score(CELL.name, METRIC) is None
    assert store.scores(CELL.name) == []
    assert store.plans() == []
    assert list(store.cell_names()) == []
    assert not store.path.exists()


def test_what_is_no_number_is_null(store: Store) -> None:
    store.write_score(change(SCORE, parts={"N": float("nan"), "V": float("inf")}))
    (file,) = store.path.rglob("scores/*.json")
    assert json.loads(file.read_text())["parts"] == {"N": None, "V": None}
    found = store.score(CELL.name, METRIC)
    assert found is not None
    assert found.parts == {"N": None, "V": None}


def test_a_metric_with_other_settings_is_another_score(store: Store) -> None:
    other = change(METRIC, settings={"scale": 2.0})
    store.write_score(SCORE)
    assert store.score(CELL.name, other) is None
    store.write_score(change(SCORE, metric=other))
    assert len(store.scores(CELL.name)) == 2


def test_the_same_plan_again_changes_nothing(store: Store) -> None:
    store.write_plan(PLAN)
    (file,) = store.path.rglob("plans/*/*.json")
    before = file.stat().st_mtime_ns
    store.write_plan(PLAN)
    assert file.stat().st_mtime_ns == before
    store.write_plan(change(PLAN, cells=[]))
    assert len(store.plans()) == 2


def test_forgetting_a_cell_removes_it_and_its_scores_and_keeps_its_checkpoint(
    store: Store,
) -> None:
    store.write_cell(RECORD)
    store.write_score(SCORE)
    store.write_artefact(CELL.name, "level-note.txt", b"a note")
    checkpoint = store.folder(CELL.name) / "checkpoint" / "all" / "step"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("3")
    store.forget(CELL)
    assert files(store.folder(CELL.name)) == ["checkpoint/all/step"]
    store.forget(CELL)


# --- damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'{"schema": 1}', b'{"schema": 1, "status": 3}']
)
@pytest.mark.parametrize("what", ["cell", "score", "plan"])
def test_a_damaged_file_is_an_error_that_names_it_and_the_way_out(
    store: Store, what: str, content: bytes
) -> None:
    store.write_cell(RECORD)
    store.write_score(SCORE)
    store.write_plan(PLAN)
    pattern = {"cell": "cell.json", "score": "scores/*.json", "plan": "plans/*/*.json"}[what]
    (file,) = store.path.rglob(pattern)
    file.write_bytes(content)
    read = {
        "cell": lambda: store.cell(CELL.name),
        "score": lambda: store.score(CELL.name, METRIC),
        "plan": store.plans,
    }[what]
    with pytest.raises(StoreError) as error:
        read()
    assert str(error.value).startswith(f"{file} is damaged (")
    assert str(error.value).endswith("remove it to have it made again")


@pytest.mark.parametrize("schema", [0, 2])
def test_another_schema_is_an_error_that_tells_both(store: Store, schema: int) -> None:
    store.write_cell(change(RECORD, schema=schema))
    with pytest.raises(
        StoreError, match=rf"cell\.json has schema {schema}, this ecgbench reads schema 1"
    ):
        store.cell(CELL.name)


def test_a_plugins_setting_called_schema_is_not_taken_for_the_stores(store: Store) -> None:
    other = change(CELL, generator=change(GENERATOR, settings={"schema": 7}))
    store.write_cell(change(RECORD, cell=other))
    assert store.cell(other.name) is not None


def test_a_file_that_cannot_be_read_is_a_store_error(store: Store) -> None:
    (store.folder(CELL.name) / "cell.json").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot read .*cell\.json: Is a directory"):
        store.cell(CELL.name)


# --- writing whole or not at all -------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_file_as_it_was_and_nothing_beside_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store.write_cell(RECORD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    owner: Any = os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(StoreError, match=r"cannot write .*cell\.json: No space left on device"):
        store.write_cell(change(RECORD, status="failed"))
    assert store.cell(CELL.name) == RECORD
    assert files(store.folder(CELL.name)) == ["cell.json"]


def test_an_interrupt_in_mid_write_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write_cell(RECORD)
    assert files(store.path) == []


def test_nobody_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is under its name only when all of it is on the disk."""
    file, seen = tmp_path / "a.json", []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(file.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write(file, b"content")
    assert seen[0] is False
    assert file.read_bytes() == b"content"


def test_files_have_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_place_that_cannot_be_written_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="what was finished before stays"):
        Store(tmp_path / "store").write_cell(RECORD)


def test_the_store_stays_where_it_is_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = Store(Path("store"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    relative.write_cell(RECORD)
    assert (tmp_path / "store" / "cells").is_dir()


# --- names -----------------------------------------------------------------------------------------


def test_a_cell_is_found_with_and_without_its_key(store: Store) -> None:
    store.write_cell(RECORD)
    assert store.find(CELL.name) == CELL.name
    assert store.find(f"/{CELL.name}/") == CELL.name
    assert store.find("cohort/jitter/seed-0") == CELL.name


def test_a_cell_of_several_settings_is_not_found_without_its_key(store: Store) -> None:
    other = change(CELL, generator=change(GENERATOR, settings={"sigma": 0.2}))
    store.write_cell(RECORD)
    store.write_cell(change(RECORD, cell=other))
    with pytest.raises(UsageError, match="is one of several cells: ") as error:
        store.find("cohort/jitter/seed-0")
    assert CELL.name in str(error.value)
    assert other.name in str(error.value)
    assert store.find(other.name) == other.name


@pytest.mark.parametrize("text", ["cohort/jiter/seed-0", "cohort/jitter/seed-1", "cohort", ""])
def test_a_cell_that_is_not_there_is_a_usage_error(store: Store, text: str) -> None:
    store.write_cell(RECORD)
    with pytest.raises(UsageError, match="has no cell"):
        store.find(text)


# --- locks -----------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from ecgbench.results.store import Store
with Store(Path(sys.argv[1])).lock(sys.argv[2]).acquire(timeout=0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_a_second_process_out_until_the_first_is_killed(store: Store) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.path), CELL.name], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            store.lock(CELL.name).acquire(timeout=0)
        with store.lock("another/cell/seed-0").acquire(timeout=0):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with store.lock(CELL.name).acquire(timeout=0):
        pass


def test_importing_the_store_costs_no_numpy() -> None:
    code = "import sys, ecgbench.results.store; print(*{'numpy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
