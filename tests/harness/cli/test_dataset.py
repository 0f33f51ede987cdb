"""``ecgbench dataset check``, and dataset files as plugins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.code import code_of
from tests.recordings.conftest import describe, ecg, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.cli.conftest import Command


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Six people with a record of 30 s each; 5 and 6 are one person; 7 is cut, 8 in microvolts."""
    folder = tmp_path / "records"
    rng = np.random.default_rng(0)
    for person in range(1, 6):
        noise = 0.02 * rng.standard_normal(6000)
        write(folder, f"{person}", ecg(30, beats=0.8 + 0.1 * person) + noise)
    for suffix in ("hea", "dat"):
        content = (folder / f"5.{suffix}").read_bytes()
        (folder / f"6.{suffix}").write_bytes(content.replace(b"5.dat", b"6.dat"))
    write(folder, "7", ecg(30))
    (folder / "7.dat").write_bytes((folder / "7.dat").read_bytes()[:-10])
    write(folder, "8", 1000 * ecg(30), adc_gain=[1])
    return describe(tmp_path)


def test_a_folder_is_read_and_all_that_looks_wrong_is_named(
    ecgbench: Command, clinic: Path
) -> None:
    assert ecgbench("dataset", "check", clinic) == 1
    said = " ".join(ecgbench.out.split())
    for text in (
        "records 7 used of 7 read",
        "rates 200 Hz (7)",
        "windows 21 of 1 lead × 1000 samples at 100 Hz",
        "people 7, with 3 windows",
        "class strip 21 windows of 7 people",
        "problem: record 7: the header disagrees with the signal file",
        "problem: record 8: I spans 1e+03 mV: µV or digital samples?",
        "problem: people 5 and 6 have 3 windows in common; one person under two ids?",
        "3 problems",
    ):
        assert text in said, text


def test_nothing_looks_wrong_once_it_is_mended(ecgbench: Command, clinic: Path) -> None:
    mended = 'left_out = { 6 = "is 5", 7 = "cut", 8 = "in µV" }'
    describe(clinic.parent, records=mended)
    assert ecgbench("dataset", "check", clinic) == 0
    assert "nothing looks wrong" in ecgbench.out
    assert ecgbench("dataset", "check", "mine", "--plugin", clinic) == 0
    assert ecgbench("dataset", "check", clinic, "--set", "dataset.mine.leads=V9") == 1
    assert "5 records: no lead V9" in " ".join(ecgbench.out.split())
    assert ecgbench("dataset", "check", clinic, "--set", "dataset.mine.lead=V9") == 2
    assert "did you mean 'leads'?" in ecgbench.err


def test_a_class_and_a_table_of_other_names_look_wrong(ecgbench: Command, clinic: Path) -> None:
    (clinic.parent / "records" / "people.csv").write_text("id,age,dx\nr1,50,x\n")
    attributes = 'table = "people.csv"\nkey = "id"\nattributes.age = { column = "age" }'
    describe(
        clinic.parent,
        records='names = ["1", "2", "3", "4"]',
        people=attributes,
        windows='kind = "strip"\nlabel = { record = "(.)" }',
        classes='some.values = ["1", "2", "3", "4"]\nnone.values = ["one"]',
    )
    assert ecgbench("dataset", "check", clinic) == 1
    said = " ".join(ecgbench.out.split())
    assert "problem: class none has no window: does no record say so, or another word?" in said
    assert "problem: no record has a row in" in said
    assert "2 problems" in said


def test_a_name_that_no_system_takes_is_a_mistake(ecgbench: Command) -> None:
    assert ecgbench("dataset", "check", "x" * 10_000) == 2
    assert "no dataset is called" in ecgbench.err
    assert ecgbench("list", "--plugin", "x" * 10_000 + ".toml") == 2
    assert "File name too long" in ecgbench.err


def test_a_dataset_in_python_is_checked_too(ecgbench: Command) -> None:
    assert ecgbench("dataset", "check", "mitdb-208") == 1
    assert "the windows are of 1 person: too few" in ecgbench.out
    assert ecgbench("dataset", "check", "mitdb-209") == 2


def test_a_class_of_no_window_is_a_problem(ecgbench: Command, clinic: Path) -> None:
    windows = 'kind = "strip"\nlabel = { record = "(.)" }'
    classes = 'one.values = ["1"]\nnone.values = ["x"]\nother.values = ["*"]'
    describe(clinic.parent, windows=windows, classes=classes)
    assert ecgbench("dataset", "check", clinic) == 1
    assert "problem: class none has no window" in ecgbench.out
    assert "class one has no window" not in ecgbench.out


def test_a_file_as_the_name_of_a_dataset_is_told_its_place(ecgbench: Command, clinic: Path) -> None:
    assert ecgbench("explore", clinic) == 2
    assert f"--plugin {clinic}" in ecgbench.err


def test_a_dataset_file_is_a_plugin(ecgbench: Command, clinic: Path) -> None:
    assert ecgbench("list", "datasets", "--plugin", clinic, "--json") == 0
    [mine] = [d for d in json.loads(ecgbench.out)["datasets"] if d["name"] == "mine"]
    assert (mine["source"], mine["leads"], mine["target"]) == ("a folder", ["I"], "mine.toml")
    assert ecgbench("show", "dataset", "afdb") == 0
    assert "never run on the real records" in " ".join(ecgbench.out.split())
    clinic.write_text(clinic.read_text().replace("kind =", "kin ="))
    assert ecgbench("list", "--plugin", clinic) == 2
    assert "[windows] has no key 'kin'; did you mean 'kind'?" in ecgbench.err
    assert ecgbench("list", "--plugin", "absent.toml") == 2


def test_the_content_of_a_dataset_file_is_its_code(clinic: Path) -> None:
    def code() -> str:
        return code_of(discover([clinic]).entry("dataset", "mine"))

    before = code()
    assert code() == before
    clinic.write_text(clinic.read_text() + "\n# a remark\n")
    assert code() != before


def test_a_folder_that_is_not_there_is_named(ecgbench: Command, tmp_path: Path) -> None:
    file = describe(tmp_path, source='folder = "elsewhere"')
    assert ecgbench("dataset", "check", file) == 2
    assert "source.folder: there is no folder" in ecgbench.err


@pytest.mark.slow
def test_a_dataset_file_runs(ecgbench: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for person in range(1, 9):
        noise = 0.02 * rng.standard_normal(400 * 200)
        write(tmp_path / "records", f"{person}", ecg(400, beats=0.8 + 0.05 * person) + noise)
    run = ("run", "--plugin", describe(tmp_path), "--datasets", "mine", "--study", "smoke")
    few = ("--generators", "pca-gaussian", "--metrics", "kurtosis-difference", "--seeds", "0")
    assert ecgbench(*run, *few) == 0
    assert "mine · study smoke" in ecgbench.out
