from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.signal import periodogram

from ecgbench import Skip
from ecgbench.metrics.statistics import LogSpectralDistanceConfig
from ecgbench.metrics.statistics.log_spectral_distance import (
    _log_spectra,
    log_spectral_distance,
)

if TYPE_CHECKING:
    from tests.metrics.statistics.conftest import Cell, Pair

CONFIG = LogSpectralDistanceConfig()


@pytest.mark.parametrize("samples", [80, 81])
def test_its_spectra_are_what_scipy_finds(pair: Pair, samples: int) -> None:
    signals = np.random.default_rng(0).standard_normal((30, 2, samples)) + 3
    windows = pair(signals, signals).synthetic
    frequencies, densities = periodogram(
        windows.signals.astype(float), 100.0, window="hann", detrend="constant"
    )
    inside = (frequencies >= 0.5) & (frequencies <= 40)
    expected = 10 * np.log10(densities[:, :, inside]).reshape(30, -1)
    assert _log_spectra(windows, CONFIG) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("decibels", [-3.0, 1.0, 6.0])
def test_a_gain_is_as_far_as_it_has_decibels(cell: Cell, pair: Pair, decibels: float) -> None:
    signals = 30 * cell("fresh", leads=2).splits.control.signals  # no power is too low to count
    gained = signals * 10 ** (decibels / 20)
    found = log_spectral_distance(pair(signals, gained), CONFIG)
    assert found.value == pytest.approx(abs(decibels), abs=2e-3)


def test_a_band_without_power_is_no_worse_than_what_recorders_add(cell: Cell, pair: Pair) -> None:
    signals = cell("fresh", leads=2).splits.control.signals
    rng = np.random.default_rng(0)
    faint = (1e-5 * rng.standard_normal(signals.shape)).astype(np.float32)
    silent, hushed = (
        log_spectral_distance(pair(signals, made), CONFIG).value
        for made in (np.zeros_like(signals), faint)
    )
    assert silent == hushed


def test_white_noise_has_the_spectrum_that_it_is_known_to_have(pair: Pair) -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal((4000, 1, 80))
    found = _log_spectra(pair(noise, noise).synthetic, CONFIG).mean(axis=0)
    # log of an exponential variable: its mean lies Euler's constant, in dB, below the mean's log
    expected = 10 * np.log10(2 * 0.2**2 / 100) - 10 * np.euler_gamma / np.log(10)
    assert found[2:] == pytest.approx(expected, abs=0.5)  # the subtracted mean is near 0 Hz


def test_a_tilt_of_the_spectrum_is_as_far_as_the_tilt(pair: Pair) -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((800, 1, 800))
    frequencies = np.fft.rfftfreq(800, 1 / 100)
    response = np.append(0, (frequencies[1:] / 10) ** -0.5)
    tilted = np.fft.irfft(np.fft.rfft(noise) * response)
    inside = frequencies[(frequencies >= 0.5) & (frequencies <= 40)]
    expected = np.sqrt(np.mean((20 * np.log10((inside / 10) ** -0.5)) ** 2))
    assert log_spectral_distance(pair(noise, tilted), CONFIG).value == pytest.approx(
        expected, rel=0.02
    )


def test_time_does_not_count(pair: Pair) -> None:
    pulse = np.zeros((30, 1, 80))
    pulse[:, :, 30:40] = np.hanning(10) * np.random.default_rng(0).uniform(1, 2, (30, 1, 1))
    assert log_spectral_distance(pair(pulse, pulse[:, :, ::-1]), CONFIG).value < 4
    assert log_spectral_distance(pair(pulse, 4 * pulse), CONFIG).value > 11


def test_smoothing_shows_more_the_more_there_is_of_it(cell: Cell, pair: Pair) -> None:
    control, fresh = cell("fresh").splits.control.signals, cell("fresh").synthetic.signals
    smoothed = [
        np.apply_along_axis(np.convolve, 2, fresh, np.ones(width) / width, mode="same")
        for width in (1, 2, 3, 5, 8)
    ]
    values = [log_spectral_distance(pair(control, each), CONFIG).value for each in smoothed]
    assert values == sorted(values)
    assert values[1] > 3 * values[0]


def test_a_single_window_or_one_without_a_frequency_in_the_band_is_skipped(pair: Pair) -> None:
    signals = np.random.default_rng(0).standard_normal((5, 1, 40))
    with pytest.raises(Skip, match="two windows"):
        log_spectral_distance(pair(signals[:1], signals), CONFIG)
    with pytest.raises(Skip, match="no frequency"):
        log_spectral_distance(pair(signals[:, :, :2], signals[:, :, :2]), CONFIG)
