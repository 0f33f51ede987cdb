from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecgbench.contracts.errors import DamagedError, StoreError, UsageError
from ecgbench.results.store.progress import Progress
from ecgbench.results.store.records import (
    SCHEMA,
    encode,
)
from ecgbench.results.store.states import forget_failed
from ecgbench.results.store.store import Store, content_of, write
from tests.results.store.conftest import (
    CELL,
    GENERATOR,
    METRIC,
    OTHER_METRIC,
    PLAN,
    RECORD,
    SCORE,
    change,
    files,
    finished,
)

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
    assert json.loads((store.path / found[1]).read_text())["schema"] == SCHEMA


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


def resealed(content: bytes) -> bytes:
    """Edited records with a seal that fits, as somebody who knows how may make them."""
    plain = content.replace(json.loads(content)["sha256"].encode(), b"0" * 64)
    return plain.replace(b"0" * 64, hashlib.sha256(plain).hexdigest().encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"schema": 3}',
        encode(RECORD)[:-40],
        encode(RECORD).replace(b'"ok"', b'"failed"'),
        encode(RECORD).replace(b"\n", b"\r\n"),
        resealed(encode(RECORD).replace(b'"ok"', b'"well"')),
        resealed(encode(SCORE).replace(b'"ok"', b'"well"')),
    ],
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
    with pytest.raises(DamagedError) as error:
        read()
    assert error.value.file == file
    assert str(error.value).startswith(f"{file} is damaged (")
    assert str(error.value).endswith("the next ecgbench run sets it aside and makes it again")


@pytest.mark.parametrize("schema", [SCHEMA - 1, SCHEMA + 1])
def test_another_schema_is_an_error_that_tells_both_and_no_damage(
    store: Store, schema: int
) -> None:
    store.write_cell(change(RECORD, schema=schema))
    with pytest.raises(
        StoreError,
        match=rf"cell\.json has schema {schema}, this ecgbench reads schema {SCHEMA}; use another",
    ) as error:
        store.cell(CELL.name)
    assert not isinstance(error.value, DamagedError)


def test_a_record_from_before_there_were_seals_is_of_another_schema(store: Store) -> None:
    file = store.folder(CELL.name) / "cell.json"
    write(file, b'{\n "cell": {},\n "schema": 1\n}\n')
    with pytest.raises(StoreError, match=r"has schema 1"):
        store.cell(CELL.name)


def test_a_schema_that_a_flipped_bit_has_changed_is_damage(store: Store) -> None:
    store.write_cell(RECORD)
    file = store.folder(CELL.name) / "cell.json"
    file.write_bytes(file.read_bytes().replace(b'"schema": 3', b'"schema": 4'))
    with pytest.raises(DamagedError):
        store.cell(CELL.name)


def test_a_plugins_setting_called_schema_is_not_taken_for_the_stores(store: Store) -> None:
    other = change(CELL, generator=change(GENERATOR, settings={"schema": 7}))
    store.write_cell(change(RECORD, cell=other))
    assert store.cell(other.name) is not None


def test_a_file_that_cannot_be_read_is_a_store_error(store: Store) -> None:
    (store.folder(CELL.name) / "cell.json").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot read .*cell\.json: Is a directory"):
        store.cell(CELL.name)


# --- forgetting, tidying, notes of progress ---------------------------------------------------------


def test_forgetting_failed_scores_leaves_those_that_ended_well_and_those_that_are_damaged(
    store: Store,
) -> None:
    folder = finished(store)
    store.write_score(change(SCORE, metric=OTHER_METRIC, status="failed", reason="a bug"))
    skipped, damaged = change(METRIC, name="never"), change(METRIC, name="torn")
    store.write_score(change(SCORE, metric=skipped, status="skipped"))
    store.write_score(change(SCORE, metric=damaged, status="failed"))
    store.score_file(CELL.name, damaged).write_bytes(b"{")
    forget_failed(store, CELL.name, [METRIC, OTHER_METRIC, skipped, damaged])
    assert files(folder / "scores") == sorted(
        f"{metric.name}-{metric.key}.json" for metric in (METRIC, skipped, damaged)
    )


def test_tidying_removes_what_killed_writers_left_and_nothing_else(store: Store) -> None:
    folder = finished(store)
    before = files(folder)
    checkpoint = folder / "checkpoint" / "all" / ".mine.tmp"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    for name in (".0a.tmp", ".progress.tmp", "scores/.0b.tmp", "artefacts/.0c.tmp"):
        (folder / name).write_bytes(b"half")
    store.tidy(CELL.name)
    assert files(folder) == sorted([*before, "checkpoint/all/.mine.tmp"])
    store.tidy("cohort/another/seed-0-000000000000")


def test_a_note_of_progress_is_read_as_it_was_written_until_it_is_forgotten(store: Store) -> None:
    note = Progress(began=12.5, stage="fit", step=3, total=9, values={"loss": 0.5}, memory=7)
    assert store.progress(CELL.name) is None
    store.write_progress(CELL.name, Progress(began=12.5))
    store.write_progress(CELL.name, note)
    assert store.progress(CELL.name) == note
    assert files(store.folder(CELL.name)) == ["progress.json"]
    store.forget_progress(CELL.name)
    assert store.progress(CELL.name) is None
    store.forget_progress(CELL.name)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"began": "x"}', b"\xff"])
def test_a_note_of_progress_that_is_torn_is_none(store: Store, content: bytes) -> None:
    store.write_progress(CELL.name, Progress(began=1.0))
    (store.folder(CELL.name) / "progress.json").write_bytes(content)
    assert store.progress(CELL.name) is None


def test_a_note_of_progress_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    Store(tmp_path / "store").write_progress(CELL.name, Progress(began=1.0))
    Store(tmp_path / "store").forget_progress(CELL.name)


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


# --- imports ----------------------------------------------------------------------------------------


def test_importing_the_store_costs_no_numpy() -> None:
    code = "import sys, ecgbench.results.store.store; print(*{'numpy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_sweeping_removes_what_killed_writers_left_and_nothing_that_is_being_written(
    store: Store,
) -> None:
    store.write_plan(PLAN)
    old = [
        store.path / name
        for name in ("leases/.a.tmp", f"plans/{PLAN.board_key}/.b.tmp", "shared/x/seed-0/.c.tmp")
    ]
    fresh = store.path / "board" / ".d.tmp"
    for file in (*old, fresh):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for file in old:
        os.utime(file, (0, 0))
    store.sweep()
    assert [file for file in (*old, fresh) if file.exists()] == [fresh]
    assert store.plans() == [PLAN]


@pytest.mark.parametrize("name", ["none", "a" * 5000, "null\0byte"])
def test_a_file_that_cannot_be_there_has_no_content(tmp_path: Path, name: str) -> None:
    assert content_of(tmp_path / name) is None
