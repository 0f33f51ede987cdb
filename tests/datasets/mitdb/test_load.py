"""All records of `mitdb` as windows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import DataError, EcgWindows
from tests.datasets.mitdb.conftest import BEATS, EXPECTED, RECORDS, load, write_annotations

if TYPE_CHECKING:
    from pathlib import Path


def test_each_beat_of_each_record_is_a_window_of_its_aami_class(database: Path) -> None:
    windows = load(database)
    assert windows.problem() is None
    assert windows.signals.shape == (44 * 12, 1, 200)
    assert windows.labels.tolist() == EXPECTED * 44
    assert (windows.classes, windows.leads) == (("N", "S", "V", "F"), ("MLII",))
    assert windows.sampling_rate == 100.0


def test_what_is_no_beat_or_of_class_q_is_no_window(damaged: Path) -> None:
    others = '+~|!"x[]/fQ'
    write_annotations(damaged, "100", 600 + 400 * np.arange(len(others) + 1), others + "V")
    windows = load(damaged)
    assert windows.records is not None
    assert windows.labels[windows.records == "100"].tolist() == [2]


def test_the_lead_is_picked_by_name_where_the_two_are_swapped(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    of_114, of_100 = (windows.signals[windows.records == name] for name in ("114", "100"))
    np.testing.assert_array_equal(of_114, of_100)
    assert of_114[0, 0, 100] == pytest.approx(1, abs=0.3)


def test_the_r_peak_stands_at_sample_100(database: Path) -> None:
    assert set(load(database).signals[:, 0].argmax(axis=1)) == {100}


def test_windows_know_their_record_and_the_second_of_the_annotated_peak(database: Path) -> None:
    windows = load(database)
    assert windows.records is not None
    assert windows.positions is not None
    assert list(dict.fromkeys(windows.records.tolist())) == [str(r) for r in RECORDS]
    np.testing.assert_allclose(windows.positions[:12], BEATS / 360)


def test_what_is_left_out_is_counted_in_the_log(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_annotations(damaged, "100", [5, 600, 1200, 2000, 7190], "NVQ+S")
    with caplog.at_level(logging.INFO):
        windows = load(damaged)
    assert len(windows) == 43 * 12 + 1
    assert caplog.messages == [
        "mitdb: 517 beats of 44 records",
        (
            "mitdb: left out: 4 records (paced: 102, 104, 107, 217); 1 beats (class Q); 2 beats (the window "
            "would leave the record)"
        ),
    ]


def test_records_that_lack_a_lead_asked_for_are_left_out_with_a_warning(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    windows = load(database, leads=("V1", "MLII"))
    assert windows.leads == ("V1", "MLII")
    assert windows.signals.shape == (42 * 12, 2, 200)
    np.testing.assert_allclose(windows.signals[:, 0], -2 * windows.signals[:, 1], atol=0.02)
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "2 records (no lead V1: 114, 124)" in warning.getMessage()


def test_leads_that_no_record_has_are_an_error_that_names_those_there_are(database: Path) -> None:
    message = (
        "no record has V4 and V5; the leads of a record are one of: MLII with V1; MLII with V4"
    )
    with pytest.raises(DataError, match=message):
        load(database, leads=("V4", "V5"))


def test_settings_reach_the_windows(database: Path) -> None:
    windows = load(database, sampling_rate=250.0, length=200, r_sample=80, band=(1.0, 50.0))
    assert windows.signals.shape == (44 * 12, 1, 200)
    assert windows.sampling_rate == 250.0
    assert set(windows.signals[:, 0].argmax(axis=1)) == {80}


@pytest.mark.real_data
def test_all_but_109_beats_at_the_ends_of_records_become_windows(real: EcgWindows) -> None:
    assert real.problem() is None
    assert real.signals.shape == (90_125 + 2_781 + 7_009 + 803 - 109, 1, 200)
    assert np.bincount(real.labels).tolist() == [90_022, 2_780, 7_005, 802]


@pytest.mark.real_data
def test_all_44_real_records_have_mlii_and_two_of_the_paced_have_not(real_folder: Path) -> None:
    import wfdb

    leads = {
        int(file.stem): wfdb.rdheader(str(file.with_suffix(""))).sig_name
        for file in real_folder.glob("*.hea")
    }
    assert all("MLII" in leads[record] for record in RECORDS)
    assert leads[114] == ["V5", "MLII"]
    assert {record for record in leads if "MLII" not in leads[record]} == {102, 104}


@pytest.mark.real_data
def test_windows_of_114_come_from_its_second_signal(real: EcgWindows, real_folder: Path) -> None:
    import wfdb

    from ecgbench.processing import BeatWindowConfig, beat_windows

    assert real.records is not None
    assert real.positions is not None
    mine = real.records == "114"
    beats = np.rint(real.positions[mine] * 360).astype(np.int64)
    signals = wfdb.rdrecord(str(real_folder / "114")).p_signal.T
    second, kept = beat_windows(signals[1:2], 360.0, beats, BeatWindowConfig())
    assert kept.all()
    np.testing.assert_array_equal(real.signals[mine], second)


@pytest.mark.real_data
def test_the_largest_deflection_of_real_normal_beats_is_at_sample_100(real: EcgWindows) -> None:
    normal = real.signals[real.labels == 0, 0]
    peaks = 92 + np.abs(normal[:, 92:109]).argmax(axis=1)
    assert np.median(peaks) == 100
    assert (np.abs(peaks - 100) <= 2).mean() > 0.9
