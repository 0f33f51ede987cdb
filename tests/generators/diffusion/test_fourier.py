"""The Fourier transform, the mirrored noise and the sampler of a Gaussian, whose noise is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench.generators.diffusion.fourier import (
    ancestral,
    coefficients,
    kept_variance,
    mirrored,
    signals_of,
)
from tests.generators.diffusion.conftest import fitted, windows

if TYPE_CHECKING:
    from ecgbench import Context


@pytest.mark.parametrize("length", [1, 2, 7, 12])
def test_the_transform_inverts_and_is_orthonormal_but_for_mirror_images(length: int) -> None:
    signals = np.random.default_rng(0).standard_normal((5, 2, length))
    numbers = coefficients(signals)
    assert numbers.shape == signals.shape
    np.testing.assert_allclose(signals_of(numbers), signals, atol=1e-12)
    energy = ((numbers / mirrored(length)) ** 2).sum(axis=2)
    np.testing.assert_allclose(energy, (signals**2).sum(axis=2))


def test_a_wave_is_one_coefficient() -> None:
    time = np.arange(12) / 12
    real, imaginary = (coefficients(wave(2 * np.pi * 3 * time)) for wave in (np.cos, np.sin))
    assert np.flatnonzero(np.abs(real) > 1e-9).tolist() == [3]
    assert np.flatnonzero(np.abs(imaginary) > 1e-9).tolist() == [6 + 3]


@pytest.mark.parametrize("length", [7, 12])
def test_white_noise_in_time_is_the_mirrored_noise(length: int) -> None:
    noise = coefficients(np.random.default_rng(0).standard_normal((40_000, length)))
    np.testing.assert_allclose(np.cov(noise.T), np.diag(mirrored(length) ** 2), atol=0.03)


def test_the_kept_variance_solves_its_differential_equation() -> None:
    times = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    kept = kept_variance(times, 0.1, 20.0)
    betas = 0.1 + times * 19.9
    integral = torch.cumulative_trapezoid(betas, times)
    torch.testing.assert_close(kept[1:], torch.exp(-integral), rtol=1e-6, atol=1e-12)


def test_the_exact_noise_of_a_gaussian_draws_its_mean_and_covariance() -> None:
    mean = torch.tensor([1.0, -0.5])
    covariance = torch.tensor([[1.2, 0.5], [0.5, 0.6]])
    spread = torch.tensor([1.0, 0.5**0.5])
    times = torch.linspace(1, 1e-5, 301)
    kept = kept_variance(times, 0.1, 20.0)
    of = dict(zip(times.tolist(), kept.tolist(), strict=True))

    def predictor(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        share = of[time.item()]
        noise = (1 - share) * torch.diag(spread**2)
        score = -(x - share**0.5 * mean) @ torch.linalg.inv(share * covariance + noise)
        found: torch.Tensor = -((1 - share) ** 0.5) * spread * score
        return found

    rng = np.random.default_rng(0)
    found = ancestral(predictor, times, kept, spread, 20_000, rng, torch.device("cpu"))
    torch.testing.assert_close(found.mean(dim=0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(found.T.cov(), covariance, atol=0.05, rtol=0)


def test_without_training_coefficients_are_gaussian_with_their_mean_and_deviation(
    context: Context,
) -> None:
    real = windows()
    model = fitted("fourier-diffusion", context, real, iterations=1, learning_rate=1e-12, steps=60)
    drawn = coefficients(model.sample(np.zeros(4000, dtype=np.int64), context).signals)
    expected = coefficients(real.signals)
    np.testing.assert_allclose(drawn.std(axis=0), expected.std(axis=0), rtol=0.1)
    error = (drawn.mean(axis=0) - expected.mean(axis=0)) / expected.std(axis=0)
    assert np.abs(error).max() < 0.1
