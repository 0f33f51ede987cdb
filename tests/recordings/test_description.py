"""Mistakes in a dataset file: each names the place and a right value."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.datasets.physionet import FOLDER, ecgbench_datasets
from ecgbench.recordings.description import read
from tests.recordings.conftest import describe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("section", "text", "message"),
    [
        ("top", "nme = 1", "there is no key 'nme'; did you mean 'name'?"),
        ("top", "name = ", "is no TOML: "),
        ("windows", 'kind = "strips"', "windows.kind: invalid enum value 'strips'"),
        (
            "windows",
            'kind = "strip"\nmark = "atr"',
            "[windows] has no key 'mark'; did you mean 'marks'?",
        ),
        ("windows", 'kind = "beat"', "windows: beats need marks, or detect = true"),
        (
            "windows",
            'kind = "strip"\nheadline = ["strp"]',
            "'strp' is no class; did you mean 'strip'?",
        ),
        ("source", "", "source: either physionet or folder is wanted"),
        ("source", 'physionet = "mitdb"', "'mitdb' is not of the form NAME/VERSION"),
        ("records", 'format = "csv"', "records: rate, in Hz, is wanted"),
        ("records", 'matching = "("', "is no regular expression"),
        ("records", 'column = "ID"', "column is of the table listed_in"),
        ("leads", "default = []", "leads: default names no lead"),
        ("leads", 'default = ["I"]\neverywhere = ["II"]', "there is no 'I' among II"),
        ("people", 'person = { record = "a" }', "has 0 groups; one is wanted"),
        (
            "people",
            'attributes.age = { colum = "Age" }',
            "[people.attributes.age] has no key 'colum'",
        ),
        ("people", 'attributes.age = { column = "Age" }', "age is a column of the table"),
        ("classes", "", "classes: there is none"),
        ("classes", 'a.symbols = "N"\nb.rhythms = ["(N"]', "all of them by symbols, by rhythms or"),
        ("classes", 'a.symbols = "N"', "a strip has many marks"),
        ("classes", 'a.values = ["x"]', "windows.label and the values of classes belong together"),
        ("classes", 'a.rhythms = ["(N"]', "windows.marks: the suffix"),
        ("records", 'names = ["a", "a"]', "records: names: 'a' is there twice"),
        ("records", 'listed_in = "../list"', "'../list' is outside of the folder"),
        ("records", 'names = ["a"]\npath = "data"', "records: path = 'data': {} is wanted"),
        ("records", "rate = nan", "records: rate = nan: Hz, above 0"),
        ("records", "rate = -1", "records: rate = -1: Hz, above 0"),
        ("records", "counts_per_mv = 0", "counts_per_mv = 0: a number above 0"),
        ("leads", 'default = ["I", "I"]', "leads: default: 'I' is there twice"),
        (
            "leads",
            'default = ["I"]\nnames = { I = ["a"], II = ["a"] }',
            "leads: names: 'a' is there twice",
        ),
        ("people", 'same = { 3 = "2", 2 = "1" }', "3 is 2, and 2 is 1; the last name is wanted"),
        ("people", 'table = "/p.csv"\nkey = "a"', "table = '/p.csv' is outside of the folder"),
        ("people", 'person = { symbols = "N", among = "N" }', "marks do not tell whose"),
        ("classes", 'a = { rhythms = ["(N"], hold = nan }', "hold = nan: seconds above 0"),
        ("classes", 'a.symbols = "NL"\nb.symbols = "VN"', "classes: symbols: 'N' is there twice"),
        ("classes", 'a.rhythms = ["(N"]\nb.rhythms = ["(N"]', "classes: rhythms: '(N' is there"),
        (
            "windows",
            'kind = "strip"\nlabel = { column = "a" }',
            "windows.label is a column of people.table",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, section: str, text: str, message: str
) -> None:
    file = describe(tmp_path, **{section: text + "\n"})
    with pytest.raises(UsageError) as error:
        read(file)
    assert str(error.value).startswith(str(file))
    assert message in str(error.value)


def test_every_shipped_file_is_a_dataset_of_its_name() -> None:
    specs = list(ecgbench_datasets())
    assert {spec.name for spec in specs} == {file.stem for file in FOLDER.glob("*.toml")}
    assert len(specs) == 19
    for spec in specs:
        assert spec.source is not None
        assert spec.config().leads == spec.leads  # type: ignore[attr-defined]
        assert spec.verified == (spec.source.slug in ("mitdb", "ludb"))
        # a digest that nobody has seen is not made up; that of ptb-xl is in several public copies
        assert bool(spec.source.sums_sha256) == (spec.verified or spec.name == "ptb-xl")


def test_reading_the_shipped_files_imports_no_numpy() -> None:
    program = (
        "import sys; from ecgbench.datasets import physionet\n"
        "physionet.ecgbench_datasets()\n"
        "print({'numpy', 'scipy', 'wfdb', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"
