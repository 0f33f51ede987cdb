"""What identifies a plugin in a store."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.results.store.records import (
    CellId,
    GeneratorRecord,
    PluginRecord,
    encode,
    is_sealed,
)
from tests.results.store.conftest import (
    CELL,
    DATASET,
    GENERATOR,
    METRIC,
    PLAN,
    RECORD,
    SCORE,
    change,
)

if TYPE_CHECKING:
    from ecgbench.results.store.store import Store

PLAIN = PluginRecord(name="mine", version=1, settings={"file": "a"}, origin="my metric.py 0123")
FILE = msgspec.structs.replace(PLAIN, from_file=True, code="a" * 12)
INSTALLED = msgspec.structs.replace(PLAIN, code="a" * 12)


@pytest.mark.parametrize("origin", ["mine.py 4567", "my metric.py 4567", "acme 1.0"])
def test_no_part_of_an_origin_identifies_anything(origin: str) -> None:
    for record in (FILE, INSTALLED):
        assert change(record, origin=origin).key == record.key


def test_the_code_of_a_file_identifies_it_and_that_of_what_is_installed_does_not() -> None:
    assert change(FILE, code="b" * 12).key != FILE.key
    assert change(INSTALLED, code="b" * 12).key == INSTALLED.key == PLAIN.key
    assert FILE.key != INSTALLED.key


def test_a_setting_of_any_name_identifies() -> None:
    for record in (FILE, INSTALLED):
        for name in ("file", "code", "files", "version"):
            keys = {change(record, settings={name: value}).key for value in ("a", "b")}
            assert len(keys) == 2


def test_local_files_identify_whatever_names_them() -> None:
    for record in (FILE, INSTALLED, DATASET):
        assert change(record, files="f" * 12).key != record.key
    assert change(PLAIN, files="a" * 12).key != FILE.key


def test_code_is_of_another_kind_only_where_both_are_known() -> None:
    other = change(INSTALLED, code="b" * 12)
    assert INSTALLED.is_of_other_code(other)
    assert not INSTALLED.is_of_other_code(INSTALLED)
    assert not INSTALLED.is_of_other_code(PLAIN)
    assert not PLAIN.is_of_other_code(INSTALLED)


def test_a_generator_is_in_a_cell_what_it_is_in_a_plan() -> None:
    record = GeneratorRecord(**msgspec.structs.asdict(FILE), reference=True)
    assert record.used == FILE
    assert record.used.key == record.key


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


# --- seals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [RECORD, SCORE, PLAN])
def test_a_record_carries_the_digest_of_its_own_bytes(record: Any) -> None:
    content = encode(record)
    told = json.loads(content)["sha256"]
    assert hashlib.sha256(content.replace(told.encode(), b"0" * 64)).hexdigest() == told
    assert is_sealed(content)


@pytest.mark.parametrize("record", [RECORD, SCORE, PLAN])
def test_any_bit_that_flips_breaks_the_seal(record: Any) -> None:
    content = bytearray(encode(record))
    for place in range(len(content)):
        for bit in range(8):
            content[place] ^= 1 << bit
            assert not is_sealed(bytes(content)), (place, bit)
            content[place] ^= 1 << bit


@pytest.mark.parametrize("cut", [0, 1, 40, -200, -3, -1])
def test_a_record_that_was_cut_short_is_not_sealed(cut: int) -> None:
    assert not is_sealed(encode(RECORD)[:cut])


def test_a_record_with_something_behind_it_is_not_sealed() -> None:
    content = encode(RECORD)
    assert not is_sealed(content + b"\n")
    assert not is_sealed(content + content)


def test_equal_records_have_equal_bytes() -> None:
    settings = {"b": 1, "a": {"d": 2.5, "c": [1, None]}}
    turned = {"a": {"c": [1, None], "d": 2.5}, "b": 1}
    one = change(RECORD, cell=change(CELL, generator=change(GENERATOR, settings=settings)))
    other = change(RECORD, cell=change(CELL, generator=change(GENERATOR, settings=turned)))
    assert encode(one) == encode(other)


@pytest.mark.parametrize(
    "settings",
    [
        {"sha256": "0" * 64},
        {"sha256": "f" * 64},
        {"text": '\n "sha256": "' + "0" * 64 + '"'},
        {"deep": {"sha256": "0" * 64}},
    ],
)
def test_a_setting_that_looks_like_a_seal_is_not_taken_for_one(
    store: Store, settings: dict[str, Any]
) -> None:
    other = change(CELL, generator=change(GENERATOR, settings=settings))
    record = change(RECORD, cell=other, study=settings)
    store.write_cell(record)
    assert store.cell(other.name) == record
