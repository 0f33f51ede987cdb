"""The spectrum is that of the definition, and comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgbench.generators.timevqvae.spectrum import BANDS, Spectrum, rows, widened


def windows(length: int, leads: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((3, leads, length)))


@pytest.mark.parametrize("n_fft", [4, 8, 16])
@pytest.mark.parametrize("length", [1, 3, 5, 9, 24, 77, 200])
def test_windows_of_any_length_come_back(length: int, n_fft: int) -> None:
    x, spectrum = windows(length), Spectrum(length, n_fft)
    parts = spectrum.forward(x)
    assert parts.shape == (3, 4, *spectrum.shape)
    torch.testing.assert_close(spectrum.inverse(parts), x)


def test_a_frame_is_the_fourier_transform_of_its_samples() -> None:
    x, spectrum = windows(24, leads=1), Spectrum(24, 8)
    # frame 5 has its middle at sample 10
    expected = np.fft.rfft(x[1, 0, 6:14].numpy())
    found = spectrum.forward(x)[1, :, :, 5].numpy()
    np.testing.assert_allclose(found, [expected.real, expected.imag], atol=1e-12)


def test_the_bands_sum_to_the_window_and_the_low_one_is_smooth() -> None:
    x, spectrum = windows(50), Spectrum(50, 8)
    parts = spectrum.forward(x)
    low, high = (spectrum.inverse(widened(parts[:, :, rows(band, 5)], band, 5)) for band in BANDS)
    torch.testing.assert_close(low + high, x)
    assert low.diff().std() < 0.3 * high.diff().std()


def test_a_constant_lies_in_the_low_band() -> None:
    parts = Spectrum(20, 8).forward(torch.full((1, 1, 20), 2.0))
    torch.testing.assert_close(parts[0, 0, 0], torch.full((11,), 16.0))
    torch.testing.assert_close(parts[:, :, rows("high", 5)], torch.zeros(1, 2, 4, 11))
