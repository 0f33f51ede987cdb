from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgbench import large
from ecgbench.contracts.errors import DataError
from ecgbench.contracts.sampling import PARTS
from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness.data.split import divided, number, split, subsample
from ecgbench.results.store.records import DatasetRecord

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.contracts.windows import Splits

HALVES = ((0, 2, 4), (1, 3, 5))


@pytest.fixture
def cohort(make_windows: Any) -> EcgWindows:
    """1,200 windows of 6 people in 3 classes of unequal size, in no order."""
    rng = np.random.default_rng(3)
    return number(
        make_windows(rng.integers(6, size=1200), rng.choice(3, size=1200, p=[0.8, 0.15, 0.05]))
    )


def parts(splits: Splits) -> dict[str, EcgWindows]:
    return {name: getattr(splits, name) for name in ("train", "control", "auxiliary", "fresh")}


def indices(windows: EcgWindows) -> list[int]:
    assert windows.indices is not None
    return [int(index) for index in windows.indices]


def people(windows: EcgWindows) -> set[int]:
    return {int(patient) for patient in windows.patients}


@pytest.mark.parametrize("halves", [None, HALVES])
def test_every_window_is_in_exactly_one_part(cohort: EcgWindows, halves: Any) -> None:
    splits = split(cohort, 0, halves)
    everything = [i for part in (*parts(splits).values(), splits.test) for i in indices(part)]
    assert sorted(everything) == list(range(len(cohort)))


def test_windows_keep_all_that_is_known_of_them(cohort: EcgWindows) -> None:
    part = split(cohort, 0).control
    assert np.array_equal(part.signals, cohort.signals[part.indices])
    assert np.array_equal(part.labels, cohort.labels[part.indices])
    assert np.array_equal(part.patients, cohort.patients[part.indices])
    assert (part.sampling_rate, part.leads, part.classes) == (4.0, ("II",), ("N", "S", "V"))


def test_members_windows_go_to_the_parts_by_their_shares(cohort: EcgWindows) -> None:
    splits = split(cohort, 0, HALVES)
    members = sum(len(part) for part in parts(splits).values())
    strata = len(np.unique(splits.train.patients)) * 3
    for name, share in PARTS:
        assert abs(len(getattr(splits, name)) - share * members) <= strata
    assert dict(PARTS) == {"train": 0.5, "control": 0.2, "auxiliary": 0.15, "fresh": 0.15}


def test_the_shares_hold_within_each_patient_and_class(cohort: EcgWindows) -> None:
    splits = split(cohort, 0, HALVES)
    for patient in HALVES[0]:
        for label in range(3):
            n = int(((cohort.patients == patient) & (cohort.labels == label)).sum())
            for name, share in PARTS:
                part = getattr(splits, name)
                count = int(((part.patients == patient) & (part.labels == label)).sum())
                assert abs(count - share * n) < 1


def test_test_is_all_windows_of_unseen_patients_and_nobody_is_on_both_sides(
    cohort: EcgWindows,
) -> None:
    for seed in range(6):
        for halves in (None, HALVES):
            splits = split(cohort, seed, halves)
            members = set().union(*(people(part) for part in parts(splits).values()))
            assert not members & people(splits.test)
            unseen = np.isin(cohort.patients, list(people(splits.test)))
            assert indices(splits.test) == np.flatnonzero(unseen).tolist()


def test_the_halves_swap_roles_with_the_parity_of_the_seed(cohort: EcgWindows) -> None:
    for seed in range(6):
        splits = split(cohort, seed, HALVES)
        assert splits.fold == seed % 2
        assert people(splits.train) == set(HALVES[seed % 2])
        assert people(splits.test) == set(HALVES[1 - seed % 2])


def test_without_halves_seeds_2k_and_2k_plus_1_share_a_division_and_swap(
    cohort: EcgWindows,
) -> None:
    divisions = []
    for k in range(8):
        even, odd = split(cohort, 2 * k), split(cohort, 2 * k + 1)
        assert people(even.train) == people(odd.test)
        assert people(odd.train) == people(even.test)
        assert len(people(even.train)) == len(people(odd.train)) == 3
        divisions.append(frozenset(people(even.train)))
    assert len(set(divisions)) > 1


def test_an_odd_number_of_people_is_divided_as_evenly_as_can_be(make_windows: Any) -> None:
    windows = number(make_windows(np.repeat(np.arange(5), 40)))
    even, odd = split(windows, 0), split(windows, 1)
    assert sorted([len(people(even.train)), len(people(odd.train))]) == [2, 3]


def test_the_same_seed_gives_the_same_split_and_another_seed_another(cohort: EcgWindows) -> None:
    first = split(cohort, 4, HALVES)
    assert indices(first.train) == indices(split(cohort, 4, HALVES).train)
    assert indices(first.train) != indices(split(cohort, 6, HALVES).train)


def test_one_patient_leaves_test_empty(make_windows: Any) -> None:
    windows = number(make_windows(np.full(100, 7)))
    for seed in (0, 1):
        splits = split(windows, seed)
        assert len(splits.test) == 0
        assert sum(len(part) for part in parts(splits).values()) == 100
        assert splits.test.problem() is None


def test_halves_that_leave_out_a_patient_are_an_error(cohort: EcgWindows) -> None:
    with pytest.raises(DataError, match="halves leave out 2 of its patients, first 3"):
        split(cohort, 0, ((0, 2, 4), (1,)))


def test_halves_may_name_people_that_the_windows_lack(cohort: EcgWindows) -> None:
    splits = split(cohort, 0, ((0, 2, 4, 101), (1, 3, 5, 102)))
    assert people(splits.train) == {0, 2, 4}


def test_too_few_windows_for_every_part_are_an_error(make_windows: Any) -> None:
    windows = number(make_windows(np.arange(4)))
    with pytest.raises(DataError, match=r"windows of 2 member patients leave none for .*more"):
        split(windows, 0)


def test_a_stratum_of_one_window_goes_to_each_part_with_its_share_as_probability(
    make_windows: Any,
) -> None:
    """Fixed rounding would send every one of them to train."""
    lonely = 60
    patients = np.concatenate([np.zeros(400), np.arange(1, lonely + 1)])
    windows = number(make_windows(patients))
    halves = (tuple(range(lonely + 1)), ())
    counts: Counter[str] = Counter()
    seeds = range(0, 200, 2)
    for seed in seeds:
        for name, part in parts(split(windows, seed, halves)).items():
            counts[name] += int((part.patients > 0).sum())
    total = lonely * len(seeds)
    assert sum(counts.values()) == total
    for name, share in PARTS:
        deviation = np.sqrt(share * (1 - share) * total)
        assert abs(counts[name] - share * total) < 4 * deviation


def test_which_windows_of_a_stratum_go_where_is_random(make_windows: Any) -> None:
    """Members and non-members are exchangeable: each window is in train half of the time."""
    windows = number(make_windows(np.zeros(20)))
    seeds = range(400)
    times = np.zeros(20)
    for seed in seeds:
        times[indices(split(windows, seed).train)] += 1
    assert np.abs(times / len(seeds) - 0.5).max() < 4 * np.sqrt(0.25 / len(seeds))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=80, max_size=160),
    st.integers(0, 2**31 - 1),
)
def test_any_cohort_is_divided_without_loss_or_overlap(
    make_windows: Any, rows: list[tuple[int, int]], seed: int
) -> None:
    windows = number(make_windows([p for p, _ in rows], [label for _, label in rows]))
    try:
        splits = split(windows, seed)
    except DataError:
        return
    everything = [i for part in (*parts(splits).values(), splits.test) for i in indices(part)]
    assert sorted(everything) == list(range(len(rows)))
    assert not people(splits.train) & people(splits.test)


def test_a_subsample_is_the_same_at_every_call(cohort: EcgWindows) -> None:
    assert indices(subsample(cohort, 300)) == indices(subsample(cohort, 300))


def test_a_subsample_keeps_the_share_of_each_patient_and_class(cohort: EcgWindows) -> None:
    few = subsample(cohort, 300)
    assert abs(len(few) - 300) <= 18
    assert len(set(indices(few))) == len(few)
    for patient in range(6):
        for label in range(3):
            before = int(((cohort.patients == patient) & (cohort.labels == label)).sum())
            after = int(((few.patients == patient) & (few.labels == label)).sum())
            assert abs(after - before / 4) < 1


def test_a_subsample_keeps_places_in_the_dataset_and_their_order(cohort: EcgWindows) -> None:
    few = subsample(cohort, 300)
    assert indices(few) == sorted(indices(few))
    assert np.array_equal(few.signals, cohort.signals[few.indices])


@pytest.mark.parametrize("count", [None, 1200, 5000])
def test_nothing_is_left_out_of_a_dataset_that_is_small_enough(
    cohort: EcgWindows, count: int | None
) -> None:
    assert subsample(cohort, count) is cohort


def test_numbering_tells_each_windows_place(make_windows: Any) -> None:
    windows = number(make_windows([3, 1, 2]))
    assert indices(windows) == [0, 1, 2]
    assert indices(windows.take(np.array([2, 0]))) == [2, 0]


def record(nested: int | None) -> DatasetRecord:
    return DatasetRecord(
        name="cohort", version=1, settings={}, origin="tests 1", digest="0", nested=nested
    )


def test_a_nested_split_sees_the_training_windows_of_the_outer_one_alone(
    cohort: EcgWindows,
) -> None:
    outer = split(cohort, 3, HALVES)
    seen = [divided(cohort, record(nested=3), fold, HALVES) for fold in (0, 1)]
    for nested in seen:
        within = [i for part in (*parts(nested).values(), nested.test) for i in indices(part)]
        assert sorted(within) == sorted(indices(outer.train))
        assert not people(nested.train) & people(nested.test)
    assert people(seen[0].test) == people(seen[1].train)
    assert indices(divided(cohort, record(nested=None), 3, HALVES).train) == indices(outer.train)


def test_one_window_a_person_is_divided_by_class_alone() -> None:
    labels = np.repeat([0, 1], [40, 20])
    windows = EcgWindows(
        signals=np.zeros((60, 1, 8), dtype=np.float32),
        labels=labels,
        patients=np.arange(60),
        sampling_rate=100.0,
        leads=("I",),
        classes=("SR", "AF"),
    )
    halves = (tuple(range(0, 60, 2)), tuple(range(1, 60, 2)))
    for seed in range(20):
        parts = split(windows, seed, halves)
        assert len(parts.test) == 30
        for name, share in PARTS:
            sizes = np.bincount(getattr(parts, name).labels, minlength=2)
            assert np.all(np.abs(sizes - share * np.array([20, 10])) < 1)
    first = [split(windows, seed, halves).train.patients[0] for seed in range(0, 40, 2)]
    assert len(set(first)) > 1


def test_parts_that_are_large_are_mapped(
    cohort: EcgWindows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = split(cohort, 0)
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(large, "LARGE", whole.control.signals.nbytes)
    for name, part in (parts(split(cohort, 0)) | {"test": split(cohort, 0).test}).items():
        wanted = getattr(whole, name).signals
        np.testing.assert_array_equal(part.signals, wanted)
        assert isinstance(part.signals, np.memmap) == (name in ("train", "test"))
