from __future__ import annotations

from typing import get_args

from ecgbench.contracts.families import FAMILIES, OVERALL, FamilyName, is_comparable, place_of
from ecgbench.contracts.faults import FAULTS, KINDS
from ecgbench.generators.doses.distort import DISTORTIONS
from ecgbench.generators.doses.replace import REPLACEMENTS


def test_the_doses_know_each_kind_of_fault_and_no_other() -> None:
    assert {*KINDS} == {*DISTORTIONS, *REPLACEMENTS}


def test_every_fault_has_a_name_of_its_own_and_ascending_amounts() -> None:
    assert FAULTS["copies-noise-0.05"].kind == "copies"
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert list(fault.amounts) == sorted({0.0, *fault.amounts})[1:]


def test_families_must_see_faults_that_they_are_shown() -> None:
    for name, family in FAMILIES.items():
        assert all(name in FAULTS[fault].shown_to for fault in family.must_see)


def test_the_members_fault_is_shown_to_nobody_who_does_not_claim_it() -> None:
    assert FAULTS["members"].shown_to == ()


def test_type_checkers_know_the_families_by_their_names_and_order() -> None:
    assert get_args(FamilyName) == (*FAMILIES,)
    assert OVERALL == ("fidelity", "diversity", "utility", "privacy")
    assert sorted(["cost", "odd", "utility"], key=place_of) == ["utility", "cost", "odd"]
    assert not is_comparable("cost")
    assert is_comparable("utility")
