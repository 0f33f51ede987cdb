"""The exploration of windows with known content."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness.data.split import split
from ecgbench.harness.exploration.analysis import explore
from ecgbench.harness.exploration.quality import quality
from ecgbench.harness.exploration.rates import rates

RATE = 100.0


def beats(*, people: int = 4, each: int = 30, interval: float = 0.8) -> EcgWindows:
    """Return windows of two leads around beats at equal intervals; the last person has all of class V."""
    count = people * each
    patients = np.repeat(np.arange(people), each)
    rng = np.random.default_rng(0)
    return EcgWindows(
        signals=rng.normal(scale=0.02, size=(count, 2, 200)).astype(np.float32),
        labels=(patients == people - 1).astype(np.int64) * (np.arange(count) % 2),
        patients=patients,
        sampling_rate=RATE,
        leads=("II", "V1"),
        classes=("N", "V"),
        records=patients.astype(np.str_),
        positions=np.tile(1 + interval * np.arange(each), people),
        attributes={0: {"sex": "F", "age": 62.0}},
    )


def strips(count: int = 20) -> EcgWindows:
    rng = np.random.default_rng(1)
    return EcgWindows(
        signals=rng.normal(scale=0.1, size=(count, 12, 1000)).astype(np.float32),
        labels=np.zeros(count, dtype=np.int64),
        patients=np.arange(count) // 2,
        sampling_rate=RATE,
        leads=tuple(f"L{k}" for k in range(12)),
        classes=("strip",),
    )


def test_people_and_classes_are_counted() -> None:
    found = explore(beats())
    assert (found.windows, found.people, found.kind) == (120, 4, "beats")
    assert [(c.name, c.windows, c.people, c.largest) for c in found.classes] == [
        ("N", 105, 4, 30),
        ("V", 15, 1, 15),
    ]
    assert [p.by_class for p in found.everybody] == [[30, 0]] * 3 + [[15, 15]]
    assert found.everybody[0].attributes == {"sex": "F", "age": 62.0}
    assert [p.records for p in found.everybody] == [1] * 4
    assert "Of the 15 windows of class V, one person has 15." in found.notes


def test_intervals_between_beats_come_from_positions_within_a_recording() -> None:
    found = explore(beats(interval=0.75))
    assert found.rr.n == 4 * 29
    assert found.rr.quantiles == pytest.approx([0.75] * 5)
    assert found.heart_rate.quantiles == pytest.approx([80] * 5)
    assert sum(found.heart_rate.counts) == found.heart_rate.n


def test_an_interval_over_a_beat_that_is_left_out_does_not_count() -> None:
    windows = beats(people=1, each=10)
    kept = windows.take(np.array([0, 1, 2, 8, 9]))
    assert rates(kept).rr == pytest.approx([0.8, 0.8, 0.8])


def test_without_positions_nothing_is_said_of_rates() -> None:
    windows = dataclasses.replace(beats(), positions=None)
    found = explore(windows)
    assert (found.rr.n, found.heart_rate.quantiles) == (0, [])
    assert found.rate_from.startswith("not known")


def test_strips_of_twelve_leads_are_explored_with_the_rates_of_their_detected_beats() -> None:
    found = explore(strips())
    assert (found.kind, len(found.leads)) == ("strips", 12)
    assert found.rate_from == "detected R peaks"
    time = np.arange(1000) / 100.0
    pulses = np.exp(-(((time % 0.5) - 0.25) ** 2) / (2 * 0.012**2))
    signals = np.tile(pulses, (20, 12, 1)).astype(np.float32)
    beating = explore(dataclasses.replace(strips().take(np.arange(20)), signals=signals))
    assert beating.heart_rate.quantiles == pytest.approx([120] * 5, abs=1)


def test_flat_saturated_wandering_and_noisy_windows_are_told() -> None:
    time = np.arange(400) / RATE
    rng = np.random.default_rng(2)
    beat = np.sin(2 * np.pi * 5 * time)
    rows = {
        "flat": np.full(400, 0.3),
        "saturated": np.clip(2 * beat, -1, 1),
        "wander": 0.1 * beat + np.sin(2 * np.pi * 0.5 * time),
        "noise": rng.normal(scale=0.05, size=400),
        "clean": beat,
    }
    found = quality(np.stack([*rows.values()]), RATE)
    names = list(rows)
    assert [n for n, is_so in zip(names, found.flat, strict=True) if is_so] == ["flat"]
    assert [n for n, is_so in zip(names, found.saturated, strict=True) if is_so] == ["saturated"]
    assert found.wander[2] > 0.95
    assert found.wander[4] < 0.01
    assert found.noise[3] == pytest.approx(50, rel=0.15)
    assert found.amplitude[1] == pytest.approx(2)


def test_a_missing_lead_is_told() -> None:
    windows = beats()
    windows.signals[:30, 1] = 0
    found = explore(windows)
    assert [lead.flat for lead in found.leads] == [0.0, 0.25]
    assert "Lead V1 is flat in 25.0% of the windows." in found.notes
    assert found.leads[1].amplitude.n == 90


def test_splits_are_told_by_fold_and_the_result_is_ready_for_json() -> None:
    windows = beats()
    splits = {seed: split(windows, seed) for seed in (0, 1)}
    found = explore(windows, splits)
    assert [fold.fold for fold in found.folds] == [0, 1]
    for fold in found.folds:
        assert sum(part.windows for part in fold.parts) == 120
        assert {part.name: part.people for part in fold.parts}["test"] == 2
    again = msgspec.json.decode(msgspec.json.encode(found), type=type(found))
    assert again == found


def test_examples_are_drawn_by_the_seed_from_their_class() -> None:
    windows = beats()
    first, again, other = (explore(windows, seed=seed).classes for seed in (1, 1, 2))
    assert [c.examples for c in first] == [c.examples for c in again]
    assert [c.examples for c in first] != [c.examples for c in other]
    for label, each in enumerate(first):
        assert len(each.examples) == 2
        assert (windows.labels[each.examples] == label).all()
