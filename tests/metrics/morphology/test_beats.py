from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Comparison
from ecgbench.datasets.ecgsyn import EcgsynStripsConfig
from ecgbench.datasets.ecgsyn.strips import load
from ecgbench.harness.data.split import number, split
from ecgbench.metrics.morphology import MorphologyConfig
from ecgbench.metrics.morphology.beats import beats
from ecgbench.metrics.morphology.morphology import morphology
from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from tests.metrics.morphology.conftest import Cell


@pytest.fixture(scope="module")
def strips() -> Comparison:
    splits = split(number(load(EcgsynStripsConfig(patients=60, frequent=0.0), None)), 0)
    return Comparison(
        synthetic=splits.train.synthetic(splits.fresh.signals, splits.fresh.labels),
        splits=splits,
        seed=0,
        headline_classes=splits.train.classes,
    )


def test_every_whole_beat_of_a_strip_is_cut_with_its_peak_at_one_place(strips: Comparison) -> None:
    found = beats(strips, "control", 10_000, np.random.default_rng(0))
    control = strips.splits.control
    assert found.place == pytest.approx(0.4)
    assert found.signals.shape[1:] == (12, 100)
    for row, peaks in enumerate(r_peaks(control.signals, 100.0)):
        middle = np.rint(100 * peaks)
        whole = middle[(middle >= 40) & (middle <= 940)].astype(int)
        mine = found.signals[found.rows == row]
        assert len(mine) == len(whole)
        np.testing.assert_array_equal(
            mine[0], control.signals[row][:, whole[0] - 40 : whole[0] + 60]
        )


def test_no_more_beats_than_asked_for_are_measured(strips: Comparison) -> None:
    assert len(beats(strips, "synthetic", 50, np.random.default_rng(0)).rows) == 50


def test_a_strip_without_a_beat_counts_as_one(strips: Comparison) -> None:
    synthetic = strips.synthetic
    flat = np.zeros_like(synthetic.signals)
    silent = dataclasses.replace(
        strips, synthetic=synthetic.synthetic(flat, synthetic.labels), _memo={}
    )
    found = beats(silent, "synthetic", 10_000, np.random.default_rng(0))
    assert found.rows.tolist() == list(range(len(synthetic)))
    assert not found.signals.any()


def test_windows_of_beats_are_taken_as_they_are(cell: Cell) -> None:
    comparison = cell("fresh")
    found = beats(comparison, "control", 100, np.random.default_rng(0))
    assert found.place is None
    np.testing.assert_array_equal(found.signals, comparison.splits.control.signals[found.rows])


@pytest.mark.slow
def test_fresh_strips_are_near_and_noise_is_far(strips: Comparison) -> None:
    config = MorphologyConfig(windows=600)
    noise = np.random.default_rng(0).standard_normal(strips.synthetic.signals.shape)
    far = dataclasses.replace(
        strips,
        synthetic=strips.synthetic.synthetic(0.3 * noise, strips.synthetic.labels),
        _memo={},
    )
    real, drawn = morphology(strips, config), morphology(far, config)
    assert real.value < 0.4
    assert drawn.value > 4
    assert real.parts["detected-real"] > 0.9
    assert real.contributions is not None
    assert real.contributions.evaluate()[0] == pytest.approx(real.value)
