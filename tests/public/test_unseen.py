"""A comparison with unseen people in the place of ``control``."""

from __future__ import annotations

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows, Skip, shared
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split
from ecgbench.shared import median_beats, one_beat, unseen


def comparison(people: int = 10, each: int = 60, samples: int = 20) -> Comparison:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(people), each)
    signals = patients[:, None, None] + rng.standard_normal((len(patients), 1, samples))
    windows = number(
        EcgWindows(
            signals=signals.astype(np.float32),
            labels=rng.integers(2, size=len(patients)),
            patients=patients,
            sampling_rate=50.0,
            leads=("II",),
            classes=("N", "V"),
        )
    )
    splits = split(windows, 0)
    made = splits.fresh.synthetic(splits.fresh.signals, splits.fresh.labels)
    return Comparison(synthetic=made, splits=splits, seed=0, headline_classes=("N", "V"))


def test_unseen_people_stand_in_the_place_of_control() -> None:
    here = comparison()
    there = unseen(here)
    assert len(there.splits.control) == len(here.splits.control)
    assert set(there.splits.control.patients) == set(here.splits.test.patients)
    assert not set(there.splits.control.patients) & set(here.splits.control.patients)
    assert there.synthetic is here.synthetic
    assert unseen(here) is there


def test_their_results_are_kept_beside_those_of_control_and_the_encoder_is_shared() -> None:
    here = comparison()
    there = unseen(here)
    one, two = {"value": np.array(1)}, {"value": np.array(2)}
    here.once("control-balls", lambda: one, version=1)
    assert there.once("control-balls", lambda: two, version=1) is two
    assert here.once("unseen-control-balls", lambda: one, version=1) is two
    here.once("encoder", lambda: one, version=1)
    assert there.once("encoder", lambda: two, version=1) is one
    assert isinstance(here.once_per_seed, Once)


def test_the_beats_of_strips_are_searched_once_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    here = comparison(people=6, each=16, samples=300)
    searched: list[int] = []

    def counted(windows: EcgWindows) -> np.ndarray:
        searched.append(len(windows))
        return median_beats(windows)

    monkeypatch.setattr(shared, "median_beats", counted)
    one_beat(here)
    once = len(searched)
    there = unseen(here)
    beats = one_beat(there)
    assert len(searched) == once
    np.testing.assert_array_equal(beats.splits.control.signals, median_beats(there.splits.control))
    assert beats.synthetic is one_beat(here).synthetic


def test_a_dataset_of_one_person_has_nobody_unseen() -> None:
    with pytest.raises(Skip, match="no windows of unseen people"):
        unseen(comparison(people=1))
