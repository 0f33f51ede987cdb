"""The patients of `ludb`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError
from tests.datasets.ludb.conftest import TABLE, load

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows


def test_patients_have_the_attributes_of_the_table(database: Path) -> None:
    assert load(database).attributes == {
        1: {
            "sex": "F",
            "age": 51.0,
            "rhythm": "Sinus bradycardia",
            "axis": "Electric axis of the heart: vertical",
            "hypertrophy": "Left atrial overload; Left ventricular hypertrophy",
        },
        2: {"sex": "M", "age": 90.0, "rhythm": "Sinus rhythm", "pacing": "P-synchrony"},
        10: {
            "sex": "M",
            "age": 19.0,
            "rhythm": "Sinus rhythm",
            "other": "Early repolarization syndrome",
        },
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file .*ludb.csv"),
        ("", "ludb.csv has no column 'ID'"),
        (TABLE.splitlines()[0], "ludb.csv has no rows"),
        (TABLE.replace("ID,", "Number,"), "ludb.csv has no column 'ID'"),
        (TABLE.replace("Rhythms,", "Rhythm,"), "no column 'Rhythms'; did you mean 'Rhythm'?"),
        (TABLE.replace("51", "old"), "record 1, column Age: 'old' is not a number"),
        (TABLE + "11,F,20\n", r"ludb.csv, row 5: it has 3 cells, the head 12"),
    ],
)
def test_a_damaged_table_is_an_error(damaged: Path, content: str | None, message: str) -> None:
    (damaged / "ludb.csv").unlink()
    if content is not None:
        (damaged / "ludb.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        load(damaged)


@pytest.mark.real_data
def test_200_real_people_as_the_readme_counts_them(real: EcgWindows) -> None:
    assert real.attributes is not None
    assert set(real.attributes) == set(range(1, 201)) == set(real.patients)
    people = real.attributes.values()
    assert Counter(told["sex"] for told in people) == {"M": 115, "F": 85}
    ages = [float(told["age"]) for told in people]
    assert (min(ages), max(ages), round(np.mean(ages))) == (11, 90, 52)
    assert Counter(told["rhythm"] for told in people) == {
        "Sinus rhythm": 143,
        "Sinus tachycardia": 4,
        "Sinus bradycardia": 25,
        "Sinus arrhythmia": 8,
        "Irregular sinus rhythm": 2,
        "Atrial fibrillation": 15,
        "Atrial flutter, typical": 3,
    }
    assert sum("axis" not in told for told in people) == 10


@pytest.mark.real_data
def test_the_table_agrees_with_the_real_headers(real_folder: Path, real: EcgWindows) -> None:
    import wfdb

    assert real.attributes is not None
    for patient, told in real.attributes.items():
        age, sex, _, rhythm, *_ = wfdb.rdheader(str(real_folder / f"data/{patient}")).comments
        assert (age, sex) == (f"<age>: {told['age']:g}", f"<sex>: {told['sex']}")
        assert rhythm == f"Rhythm: {told['rhythm']}."
