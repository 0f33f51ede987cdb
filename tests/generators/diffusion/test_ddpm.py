"""Preconditioning, noise levels and sampler against the equations of Karras et al., and the transformer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgbench.generators.diffusion.ddpm import Preconditioning, heun, noise_levels
from ecgbench.generators.diffusion.transformer import Transformer

SIGMAS = torch.tensor([0.002, 0.1, 0.5, 3.0, 80.0], dtype=torch.float64)
DATA = 0.5


def test_the_networks_input_and_its_target_have_variance_one_at_every_noise_level() -> None:
    of = Preconditioning.at(SIGMAS, DATA)
    one = torch.ones_like(SIGMAS)
    torch.testing.assert_close(of.into**2 * (DATA**2 + SIGMAS**2), one)  # equation 114 of Karras
    # the target (y − c_skip (y + n)) / c_out, equation 119
    variance = ((1 - of.skip) ** 2 * DATA**2 + of.skip**2 * SIGMAS**2) / of.out**2
    torch.testing.assert_close(variance, one)
    torch.testing.assert_close(of.noise, SIGMAS.log() / 4)


def test_c_skip_makes_the_networks_error_count_least() -> None:
    skips = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    for sigma in SIGMAS:
        out = (1 - skips) ** 2 * DATA**2 + skips**2 * sigma**2  # c_out², equation 120
        found = Preconditioning.at(sigma, DATA)
        assert found.skip.item() == pytest.approx(skips[out.argmin()].item(), abs=1e-4)
        assert found.out.item() ** 2 == pytest.approx(out.min().item(), rel=1e-4, abs=1e-8)


def test_noise_levels_fall_from_the_highest_to_the_lowest_and_to_zero() -> None:
    levels = noise_levels(18, 0.002, 80.0, 7.0)
    assert len(levels) == 19
    assert levels[[0, -2, -1]].tolist() == pytest.approx([80.0, 0.002, 0.0], rel=1e-5)
    steps = (levels[:-1].double() ** (1 / 7)).diff()
    torch.testing.assert_close(steps, steps.mean().expand(17), rtol=1e-4, atol=1e-6)


def test_the_exact_denoiser_of_a_gaussian_draws_its_mean_and_covariance() -> None:
    mean = torch.tensor([0.4, -0.3])
    covariance = torch.tensor([[0.5, 0.15], [0.15, 0.1]])

    def denoiser(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        gain = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(2))
        found: torch.Tensor = mean + (x - mean) @ gain.T
        return found

    rng = np.random.default_rng(0)
    start = 80 * torch.from_numpy(rng.standard_normal((20_000, 2), dtype=np.float32))
    found = heun(denoiser, start, noise_levels(40, 0.002, 80.0, 7.0))
    torch.testing.assert_close(found.mean(dim=0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(found.T.cov(), covariance, atol=0.02, rtol=0)


def transformer(length: int = 20) -> Transformer:
    network = Transformer(
        2,
        length,
        3,
        patch=8,
        width=8,
        blocks=2,
        heads=2,
        generator=torch.Generator().manual_seed(0),
    )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return network


def test_a_block_that_begins_is_the_identity_and_the_network_begins_at_zero() -> None:
    network = Transformer(
        1, 16, 2, patch=8, width=8, blocks=2, heads=2, generator=torch.Generator().manual_seed(0)
    )
    h = torch.ones(3, 2, 8)
    assert torch.equal(network.blocks[0](h, torch.ones(3, 128)), h)
    found = network(torch.ones(3, 1, 16), torch.ones(3), torch.zeros(3, dtype=torch.long))
    assert not found.any()


def test_every_output_depends_on_every_sample_lead_time_and_class() -> None:
    network = transformer()
    x = torch.zeros(1, 2, 20, requires_grad=True)
    times, labels = torch.full((1,), 3.0), torch.zeros(1, dtype=torch.long)
    out = network(x, times, labels)
    assert out.shape == (1, 2, 20)
    (gradient,) = torch.autograd.grad(out[0, 1, 19], x)
    assert (gradient != 0).all()
    assert (network(x, times + 50, labels) != out).all()
    assert (network(x, times, labels + 1) != out).all()


def test_patches_are_put_back_in_their_place() -> None:
    network = transformer(16)
    tokens: list[torch.Tensor] = []
    network.first.register_forward_hook(lambda _, given, __: tokens.append(given[0]))
    x = torch.arange(32.0).reshape(1, 2, 16)
    network(x, torch.ones(1), torch.zeros(1, dtype=torch.long))
    np.testing.assert_array_equal(tokens[0][0, 1], torch.cat([x[0, 0, 8:], x[0, 1, 8:]]))
    network.last.register_forward_hook(lambda *_: tokens[0])
    out = network(x, torch.ones(1), torch.zeros(1, dtype=torch.long))
    np.testing.assert_array_equal(out.detach(), x)
