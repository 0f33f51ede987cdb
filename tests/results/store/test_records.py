"""What identifies a plugin in a store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ecgbench.results.store.records import DatasetRecord, GeneratorRecord, PluginRecord

PLAIN = PluginRecord(name="mine", version=1, settings={"file": "a"}, origin="my metric.py 0123")
FILE = msgspec.structs.replace(PLAIN, from_file=True, code="a" * 12)
INSTALLED = msgspec.structs.replace(PLAIN, code="a" * 12)
DATASET = DatasetRecord(name="d", version=1, settings={}, origin="x 1", digest="d" * 64)


def change(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


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
