from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DataError
from ecgbench.r_peaks import r_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCRIPT = Path(__file__).parents[2] / "examples" / "r-peaks" / "validate.py"
RATE = 100.0


def strip(peaks: NDArray[Any], heights: NDArray[Any] | float = 1.0, t: float = 0.3) -> NDArray[Any]:
    """Ten seconds of one lead with a narrow QRS complex and a T wave of height ``t``."""
    time = np.arange(1000)[:, None] / RATE
    qrs = np.exp(-0.5 * ((time - peaks) / 0.012) ** 2)
    t_wave = t * np.exp(-0.5 * ((time - peaks - 0.26) / 0.045) ** 2)
    return np.asarray((heights * (qrs + t_wave)).sum(axis=1))


def beats(seed: int, mean: float = 0.8, deviation: float = 0.1) -> NDArray[Any]:
    intervals = np.random.default_rng(seed).normal(mean, deviation, 40).clip(0.35, 2.0)
    times = 0.3 + np.cumsum(intervals)
    return np.asarray(times[times < 9.7])


@pytest.mark.parametrize("mean", [0.45, 0.6, 0.8, 1.2])
def test_peaks_are_found_between_their_samples(mean: float) -> None:
    there = [beats(seed, mean) for seed in range(20)]
    found = r_peaks(np.stack([strip(times) for times in there])[:, None], RATE)
    for times, at in zip(there, found, strict=True):
        np.testing.assert_allclose(at, times, atol=0.0015)


def test_upside_down_is_the_same() -> None:
    signals = strip(beats(0))[None, None]
    np.testing.assert_allclose(r_peaks(-signals, RATE)[0], r_peaks(signals, RATE)[0], atol=1e-9)


def test_r_and_s_of_equal_height_do_not_take_turns() -> None:
    times = beats(5)
    time = np.arange(1000)[:, None] / RATE
    rng = np.random.default_rng(0)
    r, s = (
        (1 + 0.1 * rng.standard_normal(len(times))) * np.exp(-0.5 * ((time - at) / 0.01) ** 2)
        for at in (times, times + 0.045)
    )
    [found] = r_peaks((r - s).sum(axis=1)[None, None], RATE)
    assert np.std(found - times) < 0.003


def test_amplitude_and_offset_change_nothing() -> None:
    signals = strip(beats(0))[None, None]
    np.testing.assert_allclose(
        r_peaks(0.01 * signals + 3, RATE)[0], r_peaks(signals, RATE)[0], atol=1e-6
    )


def test_weak_beats_among_strong_ones_are_found() -> None:
    times = beats(1)
    heights = np.where(np.arange(len(times)) % 3 == 1, 0.45, 1.0)
    np.testing.assert_allclose(
        r_peaks(strip(times, heights)[None, None], RATE)[0], times, atol=0.01
    )


def test_tall_t_waves_are_no_beats() -> None:
    times = beats(2, 0.9, 0.05)
    np.testing.assert_allclose(r_peaks(strip(times, t=0.8)[None, None], RATE)[0], times, atol=0.002)


def test_a_lead_of_noise_and_a_flat_one_say_little() -> None:
    times = beats(3)
    noise = np.random.default_rng(0).standard_normal(1000)
    leads = np.stack([noise, strip(times), np.zeros(1000)])
    np.testing.assert_allclose(r_peaks(leads[None], RATE)[0], times, atol=0.002)


def test_a_flat_window_has_no_peaks() -> None:
    assert [len(found) for found in r_peaks(np.zeros((2, 3, 1000)), RATE)] == [0, 0]
    assert [len(found) for found in r_peaks(np.full((1, 1, 1000), 2.5), RATE)] == [0]


def test_no_windows_have_no_peaks() -> None:
    assert r_peaks(np.zeros((0, 1, 1000)), RATE) == []


def test_a_window_has_the_same_peaks_alone() -> None:
    rng = np.random.default_rng(0)
    signals = np.stack([strip(beats(seed)) for seed in range(8)])[:, None]
    signals = (signals + 0.05 * rng.standard_normal(signals.shape)).astype(np.float32)
    for window, found in zip(signals, r_peaks(signals, RATE), strict=True):
        np.testing.assert_array_equal(r_peaks(window[None], RATE)[0], found)


@pytest.mark.parametrize("length", [2, 10, 50, 200])
def test_short_windows_do_no_harm(length: int) -> None:
    signals = np.random.default_rng(0).standard_normal((3, 2, length))
    for found in r_peaks(signals, RATE):
        assert ((found >= 0) & (found <= length / RATE)).all()
        assert (np.diff(found) > 0).all()


def test_a_rate_too_low_for_the_band_is_an_error_with_the_rate() -> None:
    with pytest.raises(DataError, match="40 Hz"):
        r_peaks(np.zeros((1, 1, 400)), 40.0)


def test_the_level_follows_a_recording() -> None:
    times = beats(4)
    loud, faint = strip(times), 0.05 * strip(times)
    found = r_peaks(np.concatenate([faint, faint, loud, loud])[None, None], RATE)[0]
    expected = np.concatenate([times + 10 * part for part in range(4)])
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("validate_r_peaks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_beat_is_found_once(script: Any) -> None:
    marked, found = np.array([1.0, 2.0, 3.0]), np.array([0.95, 1.02, 2.4, 3.1])
    mark, hit = script.pairs(marked, found)
    assert sorted(zip(mark.tolist(), hit.tolist(), strict=True)) == [(0, 1), (2, 3)]


@pytest.mark.long
@pytest.mark.real_data
@pytest.mark.slow
def test_it_finds_what_cardiologists_marked(script: Any, data_dir: Path) -> None:
    for signals, sensitivity, predictivity in (
        (script.of_mitdb(data_dir / "mitdb", [0], 8), 99.7, 99.7),
        (script.of_mitdb(data_dir / "mitdb", [1], 8), 97.7, 95.9),
        (script.of_mitdb(data_dir / "mitdb", [], 8), 99.7, 99.6),
        (script.of_ludb(data_dir / "ludb", ["ii"], "ii"), 99.9, 99.9),
        (script.of_ludb(data_dir / "ludb", script.LEADS, "ii"), 99.9, 99.9),
    ):
        found = script.table(signals, script.DETECTORS["r_peaks"])
        assert found.sensitivity > sensitivity
        assert found.predictivity > predictivity
