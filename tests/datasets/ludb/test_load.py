"""All records of `ludb` as windows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.processing import BeatWindowConfig, beat_windows
from tests.datasets.ludb.conftest import BEATS, SPEC, load, write_marks

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows


def test_each_marked_beat_is_a_window_of_the_one_class(database: Path) -> None:
    windows = load(database)
    assert windows.problem() is None
    assert windows.signals.shape == (3 * 8, 1, 200)
    assert set(windows.labels.tolist()) == {0}
    assert (windows.leads, windows.classes) == (SPEC.leads, SPEC.classes) == (("II",), ("beat",))
    assert windows.sampling_rate == SPEC.sampling_rate == 100.0


def test_the_marked_peak_stands_at_sample_100(database: Path) -> None:
    near = load(database).signals[:, 0, 80:121]  # other beats are in the window, too
    assert set(near.argmax(axis=1)) == {20}


def test_the_marks_in_the_first_lead_place_the_beats_of_all(database: Path) -> None:
    of_ii, of_v1 = load(database, leads=("II", "V1")), load(database, leads=("V1", "II"))
    assert of_ii.positions is not None
    assert of_v1.positions is not None
    np.testing.assert_allclose(of_v1.positions - of_ii.positions, 5 * 4 / 500)
    np.testing.assert_array_equal(
        of_v1.signals[:, :, :100], of_ii.signals[:, [1, 0], 4:104]
    )  # 20 samples at 500 Hz are 4 at 100 Hz


def test_windows_know_their_patient_record_and_the_second_of_the_marked_peak(
    database: Path,
) -> None:
    windows = load(database)
    assert windows.records is not None
    assert windows.positions is not None
    assert windows.patients.tolist() == [1] * 8 + [2] * 8 + [10] * 8
    assert windows.records.tolist() == [str(patient) for patient in windows.patients]
    np.testing.assert_allclose(windows.positions, np.tile(BEATS / 500, 3))


def test_what_is_left_out_is_counted_in_the_log(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_marks(damaged, 2, "II", [100, 110, 700, 710, 1200, 1210, 4980, 4990], "N)" * 4)
    with caplog.at_level(logging.INFO):
        windows = load(damaged)
    assert len(windows) == 8 + 2 + 8
    assert caplog.messages == [
        "ludb: 18 beats of 3 records",
        "ludb: left out: 2 beats (the window would leave the record)",
    ]


def test_settings_reach_the_windows(database: Path) -> None:
    windows = load(database, sampling_rate=250.0, length=200, r_sample=80, band=(1.0, 50.0))
    assert windows.signals.shape == (3 * 8, 1, 200)
    assert windows.sampling_rate == 250.0
    assert set(windows.signals[:, 0].argmax(axis=1)) == {80}


@pytest.mark.real_data
def test_all_but_46_marked_beats_of_lead_ii_become_windows(real: EcgWindows) -> None:
    assert real.problem() is None
    assert real.signals.shape == (1831 - 46, 1, 200)
    beats = np.unique(real.patients, return_counts=True)[1]
    assert len(beats) == 200
    assert np.quantile(beats, [0, 0.5, 1]).tolist() == [4, 9, 18]
    assert [(beats < few).sum() for few in (5, 8)] == [1, 34]


@pytest.mark.real_data
def test_real_windows_are_cut_at_the_marks_of_their_lead(
    real_folder: Path, real: EcgWindows
) -> None:
    import wfdb

    assert real.positions is not None
    for record in (1, 34, 200):
        name = str(real_folder / f"data/{record}")
        marks = wfdb.rdann(name, "ii")
        beats = marks.sample[np.array(marks.symbol) == "N"]
        counts = wfdb.rdrecord(name, physical=False, channel_names=["ii"]).d_signal.T
        expected, kept = beat_windows(counts / 1000, 500.0, beats, BeatWindowConfig())
        np.testing.assert_array_equal(real.signals[real.patients == record], expected)
        np.testing.assert_allclose(real.positions[real.patients == record], beats[kept] / 500)


@pytest.mark.real_data
def test_nine_in_ten_real_beats_have_their_largest_deflection_at_sample_100(
    real: EcgWindows,
) -> None:
    peaks = 92 + np.abs(real.signals[:, 0, 92:109]).argmax(axis=1)
    assert np.median(peaks) == 100
    assert (np.abs(peaks - 100) <= 2).mean() > 0.9
