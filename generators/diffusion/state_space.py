"""S4D, a diagonal state space model, as a convolution over time in both directions.

Source: Gu, Gupta, Goel, Ré, "On the parameterization and initialization of diagonal state space models",
NeurIPS 2022, sections 3.1 and 4.  A channel has a step Δ and states n with a pair of complex numbers each::

    x_l = exp(Δ A_n) x_{l−1} + (exp(Δ A_n) − 1) / A_n · u_l,    y_l = 2 Re Σ_n C_n x_l + D u_l

This is a convolution with K_l = 2 Re Σ_n C_n (exp(Δ A_n) − 1) / A_n · exp(l Δ A_n).  B is 1: only its
product with C matters.  The channel is the first axis, so dense layers are one product of matrices.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from ecgbench.generators.diffusion.networks import linear

SHORTEST, LONGEST = 0.001, 0.1
"""Δ at the start, uniform in its logarithm (section 4.4)."""


STABLE = 1e-5
"""Added to a variance before it divides."""


class StateSpace(nn.Module):
    """A convolution of each channel with kernels of its own: one forward in time, one backward.

    A starts as S4D-Lin, −½ + i π n (equation 8).

    Args:
        channels: of the input and of the output.
        states: real dimensions of a channel's state; half as many complex ones.
        generator: draws the initial weights.
    """

    def __init__(self, channels: int, states: int, generator: torch.Generator) -> None:
        super().__init__()
        pairs = max(states // 2, 1)
        low, high = math.log(SHORTEST), math.log(LONGEST)
        steps = low + (high - low) * torch.rand(channels, generator=generator)
        self.log_step = nn.Parameter(steps)
        self.log_decay = nn.Parameter(torch.full((channels, pairs), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(pairs).float().repeat(channels, 1))
        outputs = torch.randn(2, channels, pairs, 2, generator=generator) * math.sqrt(0.5)
        self.outputs = nn.Parameter(outputs)
        self.direct = nn.Parameter(torch.randn(channels, generator=generator))

    def kernels(self, length: int) -> Tensor:
        """Return K of both directions, float32, shape (2, channel, length)."""
        a = torch.complex(-self.log_decay.exp(), self.frequency)
        step = a * self.log_step.exp()[:, None]
        weights = torch.view_as_complex(self.outputs) * (torch.exp(step) - 1) / a
        powers = torch.exp(step[..., None] * torch.arange(length, device=step.device))
        kernels: Tensor = 2 * torch.einsum("dcn,cnl->dcl", weights, powers).real
        return kernels

    def forward(self, u: Tensor) -> Tensor:
        """Map (channel, window, sample) to the same.

        The backward kernel reads the samples after each one.
        """
        length = u.shape[2]
        forward, backward = self.kernels(length)
        kernel = pad(forward, (0, length)) + pad(backward.flip(1), (length, 0))
        spectrum = torch.fft.rfft(kernel)[:, None]
        product = torch.fft.rfft(u, n=2 * length) * spectrum
        convolved = torch.fft.irfft(product, n=2 * length)[..., :length]
        return torch.addcmul(convolved, self.direct[:, None, None], u)


class StateLayer(nn.Module):
    """A state space, a mixing of channels, and the sum with the input, normalised over channels."""

    def __init__(self, channels: int, states: int, generator: torch.Generator) -> None:
        super().__init__()
        self.space = StateSpace(channels, states, generator)
        self.mixing = linear(channels, channels, generator)
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, u: Tensor) -> Tensor:
        """Map (channel, window, sample) to the same."""
        mixed = along(self.mixing, gelu(self.space(u))) + u
        variance, mean = torch.var_mean(mixed, dim=0, correction=0, keepdim=True)
        normed = (mixed - mean) * torch.rsqrt(variance + STABLE)
        return torch.addcmul(self.shift, normed, self.scale)


def along(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a dense layer to the channels of each sample, the first axis of (channel, window, sample)."""
    mixed = torch.addmm(layer.bias[:, None], layer.weight, x.flatten(1))
    return mixed.view(-1, *x.shape[1:])
