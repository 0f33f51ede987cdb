from __future__ import annotations

import re

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.processing import BeatWindowConfig, beat_windows

RATE = 360.0
CONFIG = BeatWindowConfig()
LONG = BeatWindowConfig(length=1250, r_sample=0)


def pulses(beats: np.ndarray, samples: int = 20_000) -> np.ndarray:
    """One lead with a symmetrical pulse of 1 mV and 20 ms at each beat."""
    time = np.arange(samples)[:, np.newaxis] - beats
    return np.asarray(np.exp(-0.5 * (time / (0.020 * RATE)) ** 2).sum(axis=1)[np.newaxis])


def sine(frequency: float) -> np.ndarray:
    return np.asarray(np.sin(2 * np.pi * frequency * np.arange(60 * 360) / RATE)[np.newaxis])


def gain(frequency: float) -> float:
    """Amplitude after processing of a sine of amplitude 1, in the middle of a minute."""
    windows, _ = beat_windows(sine(frequency), RATE, np.array([20 * 360]), LONG)
    time = 20 + np.arange(LONG.length) / LONG.sampling_rate
    return float(2 * windows[0, 0] @ np.sin(2 * np.pi * frequency * time) / LONG.length)


def test_the_beat_stands_at_its_sample_whatever_its_place_between_two_new_samples() -> None:
    beats = 1000 + 505 * np.arange(72)  # 505 and 18 have no common divisor: every phase occurs
    windows, kept = beat_windows(pulses(beats, 40_000), RATE, beats, CONFIG)
    assert kept.all()
    peaks = windows[:, 0].argmax(axis=1)
    halfway = beats * 5 % 18 == 9
    assert halfway.sum() == 4
    assert (peaks[~halfway] == 100).all()
    assert (np.abs(peaks[halfway] - 100) <= 1).all()


def test_the_resampled_signal_is_the_signal_at_the_new_instants() -> None:
    windows, _ = beat_windows(sine(10), RATE, np.array([72 * 100]), LONG)
    time = (72 * 100) / RATE + np.arange(LONG.length) / LONG.sampling_rate
    np.testing.assert_allclose(windows[0, 0], gain(10) * np.sin(20 * np.pi * time), atol=2e-3)


def test_the_filter_has_no_phase() -> None:
    beat = np.array([72 * 100])
    windows, _ = beat_windows(pulses(beat), RATE, beat, CONFIG)
    pulse = windows[0, 0]
    np.testing.assert_allclose(pulse[1:100][::-1], pulse[101:], atol=1e-4)


def test_the_band_passes_what_is_in_it_halves_its_edges_and_stops_the_rest() -> None:
    assert gain(10) == pytest.approx(1, abs=0.01)
    assert gain(0.5) == pytest.approx(0.5, abs=0.01)
    assert gain(40) == pytest.approx(0.5, abs=0.01)
    assert gain(0.1) < 0.01
    assert abs(gain(60)) < 0.12


def test_a_constant_offset_is_gone_from_the_first_window_to_the_last() -> None:
    beats = np.array([200, 10_000, 19_700])
    with_offset, _ = beat_windows(pulses(beats) + 5, RATE, beats, CONFIG)
    without, _ = beat_windows(pulses(beats), RATE, beats, CONFIG)
    np.testing.assert_allclose(with_offset, without, atol=1e-5)


def test_beats_whose_window_would_leave_the_recording_are_dropped() -> None:
    # 20,000 samples become 5,556; the first beat has 100 of them before it, the last 100 from it on
    beats = np.array([0, 358, 359, 10_000, 19_643, 19_645, 19_999])
    windows, kept = beat_windows(pulses(beats), RATE, beats, CONFIG)
    assert kept.tolist() == [False, False, True, True, True, False, False]
    assert windows.shape == (3, 1, 200)


def test_windows_are_float32_and_keep_the_leads_in_order() -> None:
    beats = np.array([5000, 9000])
    lead = pulses(beats)
    windows, _ = beat_windows(np.concatenate([lead, -2 * lead]), RATE, beats, CONFIG)
    assert windows.shape == (2, 2, 200)
    assert windows.dtype == np.float32
    assert windows.flags.c_contiguous
    np.testing.assert_allclose(windows[:, 1], -2 * windows[:, 0], rtol=1e-5, atol=1e-6)


def test_a_recording_without_beats_gives_no_windows() -> None:
    windows, kept = beat_windows(sine(10), RATE, np.array([], dtype=np.int64), CONFIG)
    assert windows.shape == (0, 1, 200)
    assert kept.shape == (0,)


def test_settings_change_the_windows_as_they_say() -> None:
    beats = np.array([9000])
    config = BeatWindowConfig(sampling_rate=250, length=200, r_sample=80, band=(1, 100))
    windows, _ = beat_windows(pulses(beats), RATE, beats, config)
    assert windows.shape == (1, 1, 200)
    assert windows[0, 0].argmax() == 80


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"band": "40,0.5"}, "band = 40, 0.5 does not ascend between 0 and half the sampling_rate"),
        ({"band": "0,40"}, "band = 0, 40 does not ascend"),
        ({"sampling_rate": "60"}, "half the sampling_rate, 30 Hz"),
        ({"r_sample": "200"}, "r_sample = 200 lies outside a window of 200 samples (0 to 199)"),
        ({"length": "1"}, "length = '1'"),
        ({"sampling_rate": "0"}, "sampling_rate = '0'"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(BeatWindowConfig, given, where="dataset x")


def test_a_recording_too_slow_for_the_band_is_an_error() -> None:
    with pytest.raises(DataError, match="set band below 30 Hz"):
        beat_windows(np.zeros((1, 1000)), 60.0, np.array([500]), CONFIG)
