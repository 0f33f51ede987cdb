from __future__ import annotations

import numpy as np
import pytest

from ecgbench.metrics.morphology.wavelet import slopes


def test_a_straight_line_has_its_slope_at_every_scale_times_the_scale() -> None:
    line = 0.5 * np.arange(400.0)[None]
    for k, slope in enumerate(slopes(line, 5), start=1):
        assert slope[0, 100:300] == pytest.approx(0.5 * 2**k)


def test_a_peak_has_opposite_slopes_at_equal_distances() -> None:
    signal = np.zeros((1, 201))
    signal[0, 100] = 1.0
    for slope in slopes(signal, 5):
        assert slope[0, 101:160] == pytest.approx(-slope[0, 42:101][::-1])
        assert slope[0].sum() == pytest.approx(0.0)
        assert slope[0, 100] > 0 > slope[0, 101]


def test_they_are_the_derivative_of_the_signal_smoothed_by_powers_of_the_low_pass_filter() -> None:
    """Written out: the filter's transfer function is cos³(ω/2), of scale k at the frequency 2^k ω."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(512)
    omega = 2 * np.pi * np.fft.rfftfreq(512)
    found = slopes(np.tile(signal, (1, 3)), 5)
    response = np.ones_like(omega, dtype=complex)
    for k, slope in enumerate(found):
        step = 2**k
        band = 4j * np.sin(step * omega / 2) * response * np.exp(-0.5j * omega)
        expected = np.fft.irfft(np.fft.rfft(signal) * band, 512)
        assert slope[0, 512:1024] == pytest.approx(expected, abs=1e-9)
        response = response * np.cos(step * omega / 2) ** 3
