"""From labels to classes: several values, codes with a table, and what is left out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.contracts.errors import DataError, UsageError
from ecgbench.recordings.description import read
from ecgbench.recordings.labels import read_labels
from tests.recordings.conftest import describe, ecg, load, write

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = 'kind = "strip"\nlabel = { comment = "^Dx: *(.*)" }\nleave_out = []\n'
CODES = "codes = { each = '(\\w+)=', table = 'codes.csv', key = 'code', column = 'class' }\n"
CLASSES = 'A.values = ["a"]\nB.values = ["b", "bb"]\nother.values = ["*"]'


def labels(folder: Path, windows: str, rule: Any, classes: str = CLASSES) -> Any:
    file = describe(folder, windows=WINDOWS + windows, classes=classes)
    return read_labels(read(file), folder, rule)


@pytest.mark.parametrize(
    ("label", "first", "single"),
    [
        ("b", (1, ""), (1, "")),
        ("b, bb", (1, ""), (1, "")),
        ("b,a", (0, ""), (-1, "several classes")),
        ("x", (2, ""), (2, "")),
        ("x,b", (1, ""), (-1, "several classes")),
        ("b,,", (1, ""), (1, "")),
        (None, (-1, "no label"), (-1, "no label")),
        (7.0, (2, ""), (2, "")),
    ],
)
def test_of_several_values_the_first_class_counts_or_none(
    tmp_path: Path, label: Any, first: tuple[int, str], single: tuple[int, str]
) -> None:
    assert labels(tmp_path, 'separator = ","', "first").class_of(label) == first
    assert labels(tmp_path, 'separator = ","', "single").class_of(label) == single


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("p=1", (0, "")),
        ("p=1;q=2", (0, "")),
        ("q=2", (-1, "no code with a class")),
        ("", (-1, "no code with a class")),
        ("p=1;z=1", (-1, "unknown code z")),
        ("p=1;r=2", (-1, "several classes")),
        ("s=2", (-1, "no class has the label s=2")),
    ],
)
def test_codes_have_their_values_in_a_table(
    tmp_path: Path, label: str, expected: tuple[int, str]
) -> None:
    (tmp_path / "codes.csv").write_text("code,class\np,a\nq,\nr,b\ns,c\n")
    told = labels(tmp_path, CODES, "single", 'A.values = ["a"]\nB.values = ["b"]')
    assert told.class_of(label) == expected


def test_a_table_of_codes_without_its_column_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("code,klass\np,a\n")
    with pytest.raises(DataError, match="no column 'class'; did you mean 'klass'"):
        labels(tmp_path, CODES, "single")


def test_codes_and_a_separator_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="codes are in a label, and need no separator"):
        labels(tmp_path, CODES + 'separator = ","', "single")


def test_the_rule_is_a_setting_and_the_file_has_its_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in (("r1", "a"), ("r2", "b,a")):
        write(tmp_path / "records", name, ecg(10), comments=[f"Dx: {value}"])
    file = describe(
        tmp_path, windows=WINDOWS + 'separator = ","\nlabels = "single"', classes=CLASSES
    )
    with caplog.at_level(logging.INFO):
        assert load(file).records.tolist() == ["r1"]
    assert "mine: left out: 1 strips (several classes)" in caplog.messages
    assert load(file, labels="first").records.tolist() == ["r1", "r2"]
    with pytest.raises(UsageError, match="labels"):
        load(file, labels="all")
    plain = describe(tmp_path, windows=WINDOWS, classes=CLASSES)
    with pytest.raises(UsageError, match="labels"):  # there is one value, and nothing to choose
        load(plain, labels="first")
