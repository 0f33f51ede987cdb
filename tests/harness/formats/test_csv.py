from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.table import read_windows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.harness.formats.found import Found


def read(folder: Path, text: str, labels: str | None = None) -> Found:
    (folder / "mine.csv").write_text(text)
    if labels is None:
        return read_windows(folder / "mine.csv")
    (folder / "labels.txt").write_text(labels)
    return read_windows(folder / "mine.csv", folder / "labels.txt")


def test_without_a_header_the_last_column_is_the_label_and_that_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, "0.5,0.25,1,0.0\n-1e-1,2,3,1.0\n")
    assert found.arrays["signals"].tolist() == [[0.5, 0.25, 1.0], [-0.1, 2.0, 3.0]]
    assert found.arrays["labels"].tolist() == [0.0, 1.0]
    assert found.notes == ["it has no header row, so the last of its 4 columns is the label"]


def test_the_label_of_a_row_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    assert read(tmp_path, "1,2,N\n3,4,V\n").arrays["labels"].tolist() == ["N", "V"]


def test_with_a_file_of_labels_all_columns_are_samples(tmp_path: Path) -> None:
    found = read(tmp_path, "1,2,3\n4,5,6\n", "1\n0\n")
    assert found.arrays["signals"].shape == (2, 3)
    assert found.arrays["labels"].tolist() == [1, 0]
    assert found.notes == ["its labels come from labels.txt"]


@pytest.mark.parametrize(
    "header", ["s0,s1,Label", "label,s0,s1", "record,s0,label,s1", "0,1,class"]
)
def test_with_a_header_columns_go_by_their_names(tmp_path: Path, header: str) -> None:
    rows = [
        ",".join(
            {"s0": a, "0": a, "s1": b, "1": b, "record": "r"}.get(name, label)
            for name in header.split(",")
        )
        for a, b, label in (("1", "2", "N"), ("3", "4", "V"))
    ]
    found = read(tmp_path, "\n".join([header, *rows]))
    assert found.arrays["signals"].tolist() == [[1, 2], [3, 4]]
    assert found.arrays["labels"].tolist() == ["N", "V"]


def test_leads_are_named_by_their_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "V1[0],II[1],II[0],V1[1],label\n1,2,3,4,0\n")
    assert found.arrays["leads"].tolist() == ["V1", "II"]
    assert found.arrays["signals"].tolist() == [[[1, 4], [3, 2]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("1;2;3\n", "not parted by commas"),
        ("0,1,2,3\n1,2,3,0\n", "counts from 0 to 3: names of pandas"),
        (",0,1,2,3\n0,1,2,3,0\n", "counts from 0 to 3: names of pandas"),
        (",a,b,label\n0,1,2,0\n", "column 1 has no name: an index of pandas"),
        ("a,a,label\n1,2,0\n", "two columns are called a"),
        ("a,label,class\n1,2,0\n", "columns label, class could all be the labels"),
        ("a,b,label\n1,x,0\n", "column b holds 'x' in row 0"),
        ("II[0],II[2],label\n1,2,0\n", "lead II has 2 samples; 2 are wanted, from II[0] to II[1]"),
        ("II[0],x,label\n1,2,0\n", "column x is no sample of a lead as II[0] is"),
        ("label\n1\n", "no column holds samples"),
        ("a,b,label\n1,2\n", "its header row has 3 names, the next one 2 cells"),
        ("1,2,0\n1,2,3,0\n", "is no table of numbers"),
        ("5\n6\n", "has one column"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_a_line_of_too_many_cells_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a line of more than 100000 cells"):
        read(tmp_path, "1," * 200_000 + "0\n")


def test_an_empty_cell_is_no_number(tmp_path: Path) -> None:
    assert np.isnan(read(tmp_path, "1,,0\n1,2,0\n").arrays["signals"][0, 1])
