"""Records, people, halves and classes of `mitdb`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.harness.data.split import number, split
from tests.datasets.mitdb.conftest import FILE, RECORDS, SPEC, load

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows


def test_records_201_and_202_are_one_person_on_one_side_of_every_split(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    assert set(windows.patients[np.isin(windows.records, ["201", "202"])]) == {201}
    for seed in (0, 1):
        splits = split(number(windows), seed, SPEC.halves)
        assert splits.test.records is not None
        in_test = {"201", "202"} & set(splits.test.records.tolist())
        assert in_test == ({"201", "202"} if seed == 1 else set())


def test_every_other_patient_is_a_record(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    others = windows.records != "202"
    assert windows.patients[others].tolist() == [int(r) for r in windows.records[others]]


def test_the_halves_are_22_and_21_people_and_share_none() -> None:
    assert SPEC.halves is not None
    first, second = map(set, SPEC.halves)
    assert (len(first), len(second), len(first & second)) == (22, 21, 0)
    assert first | second == {201 if record == 202 else record for record in RECORDS}
    assert 201 in first


def test_paced_records_are_left_out() -> None:
    assert FILE.records.left_out == dict.fromkeys(("102", "104", "107", "217"), "paced")
    assert set(FILE.records.left_out) < set(FILE.records.names)
    assert len(set(FILE.records.names)) == 48


@pytest.mark.real_data
def test_the_48_records_hold_109494_beats(annotated: dict[int, Counter[str]]) -> None:
    assert len(annotated) == 48
    assert sum(map(Counter.total, annotated.values())) == 109_494


@pytest.mark.real_data
def test_the_44_records_without_a_pacer_hold_the_published_numbers_of_beats(
    annotated: dict[int, Counter[str]],
) -> None:
    assert SPEC.halves is not None
    first, second = SPEC.halves
    ds1, ds2 = first, (*second, 202)

    def beats(records: tuple[int, ...]) -> Counter[str]:
        return sum((annotated[record] for record in records), Counter())

    assert beats(RECORDS) == {"N": 90_125, "S": 2_781, "V": 7_009, "F": 803, "Q": 15}
    assert beats(ds1).total() == 51_021
    assert beats(ds2).total() == 49_712


@pytest.mark.real_data
def test_43_real_people_of_whom_201_has_both_records(real: EcgWindows) -> None:
    assert real.records is not None
    assert real.attributes is not None
    assert len(np.unique(real.patients)) == len(real.attributes) == 43
    assert set(real.records[real.patients == 201]) == {"201", "202"}
    assert real.attributes[201] == {"sex": "M", "age": 68.0}
    assert real.attributes[219] == {"sex": "M"}


@pytest.mark.real_data
def test_the_two_folds_share_no_person_and_swap(real: EcgWindows) -> None:
    even, odd = (split(number(real), seed, SPEC.halves) for seed in (0, 1))
    assert len(np.unique(even.train.patients)) == 22
    assert len(np.unique(even.test.patients)) == 21
    assert set(even.test.patients) == set(odd.train.patients)
    assert set(even.train.patients) == set(odd.test.patients)
