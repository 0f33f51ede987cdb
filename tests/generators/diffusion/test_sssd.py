"""The state space against its recurrence, and the sampler of a Gaussian, whose noise is known."""

from __future__ import annotations

import numpy as np
import torch

from ecgbench.generators.diffusion.sssd import SssdNetwork, implicit, kept_variance
from ecgbench.generators.diffusion.state_space import StateSpace


def test_the_convolution_is_the_recurrence_in_both_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    space = StateSpace(3, 8, generator)
    u = torch.randn(2, 3, 17, generator=generator)  # (window, channel, sample)
    with torch.no_grad():
        found = space(u.transpose(0, 1)).transpose(0, 1)
        a = torch.complex(-space.log_decay.exp(), space.frequency)
        step = a * space.log_step.exp()[:, None]
        outputs = torch.view_as_complex(space.outputs)
        expected = space.direct[:, None] * u
        for direction in (0, 1):
            state = torch.zeros(2, 3, 4, dtype=torch.complex64)
            for place in range(17) if direction == 0 else range(16, -1, -1):
                if direction == 1:  # the state before this sample is that of the samples after it
                    expected[:, :, place] += 2 * (outputs[1] * state).sum(-1).real
                state = step.exp() * state + (step.exp() - 1) / a * u[:, :, place, None]
                if direction == 0:
                    expected[:, :, place] += 2 * (outputs[0] * state).sum(-1).real
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_state_space_begins_with_the_published_frequencies_and_decays() -> None:
    space = StateSpace(5, 8, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(space.log_decay.exp().detach(), 0.5)
    np.testing.assert_allclose(space.frequency[2].detach(), np.pi * np.arange(4), rtol=1e-6)
    steps = space.log_step.exp()
    assert 0.001 <= steps.min() < steps.max() <= 0.1


def test_the_network_begins_at_zero_and_learns_from_every_input() -> None:
    network = SssdNetwork(
        2, 3, channels=4, layers=2, states=4, generator=torch.Generator().manual_seed(0)
    )
    x = torch.randn(1, 2, 15, generator=torch.Generator().manual_seed(1), requires_grad=True)
    steps, labels = torch.tensor([3]), torch.tensor([0])
    assert not network(x, steps, labels).any()
    with torch.no_grad():
        network.last.weight.fill_(1.0)
    out = network(x, steps, labels)
    assert out.shape == (1, 2, 15)
    (gradient,) = torch.autograd.grad(out[0, 0, 7], x)
    assert (gradient != 0).any(dim=1).all()
    assert (network(x, steps + 40, labels) != out).any()
    assert (network(x, steps, labels + 1) != out).any()


def test_the_schedule_is_the_published_one() -> None:
    kept = kept_variance(200, 1e-4, 0.02)
    expected = np.cumprod([1 - (1e-4 + (0.02 - 1e-4) * step / 199) for step in range(200)])
    np.testing.assert_allclose(kept, expected, rtol=1e-5)


def test_the_exact_noise_of_a_gaussian_brings_its_mean_and_covariance() -> None:
    # after 1,000 steps of up to .02 nothing of a window is left, so noise is the right start
    kept = kept_variance(1000, 1e-4, 0.02)
    mean = torch.tensor([1.0, -0.5])
    covariance = torch.tensor([[1.2, 0.5], [0.5, 0.6]])

    def predictor(x: torch.Tensor, step: int) -> torch.Tensor:
        share = kept[step]
        total = share * covariance + (1 - share) * torch.eye(2)
        noise: torch.Tensor = (
            (1 - share).sqrt() * (x - share.sqrt() * mean) @ torch.linalg.inv(total)
        )
        return noise

    rng = np.random.default_rng(0)
    start = torch.from_numpy(rng.standard_normal((20_000, 2), dtype=np.float32))
    found = implicit(predictor, start, kept, 1000)
    torch.testing.assert_close(found.mean(dim=0), mean, atol=0.04, rtol=0)
    torch.testing.assert_close(found.T.cov(), covariance, atol=0.04, rtol=0)
