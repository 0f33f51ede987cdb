"""The residual network that sees class and time in every block, and its parts.

Weights are drawn from a torch Generator; the global random state is left alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

CONDITION = 128
"""Numbers that tell a network class and time."""


def linear(
    inputs: int, outputs: int, generator: torch.Generator, *, zero: bool = False
) -> nn.Linear:
    """Return a linear layer that starts within Glorot and Bengio's bound (AISTATS 2010), or at zero."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    if zero:
        nn.init.zeros_(layer.weight)
    else:
        nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def waves(times: Tensor, size: int, longest: float = 1e4) -> Tensor:
    """Return cosines and sines of times, float32, shape (…, size).

    The periods grow from 2 π to 2 π ``longest`` (Vaswani et al., NeurIPS 2017, section 3.5).

    Args:
        times: shape (…,), of a range of about 1,000.
        size: an even number.
        longest: the longest period, in units of the shortest.
    """
    powers = torch.arange(size // 2, device=times.device) / (size // 2)
    angles = times[..., None] * longest**-powers
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Condition(nn.Module):
    """Joins time and class into `CONDITION` numbers: two layers on waves, and a vector of each class."""

    def __init__(self, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = linear(CONDITION, CONDITION, generator)
        self.second = linear(CONDITION, CONDITION, generator)
        vectors = 0.5 * torch.randn(classes, CONDITION, generator=generator)
        self.vectors = nn.Parameter(vectors)

    def forward(self, times: Tensor, labels: Tensor) -> Tensor:
        """Return float32, shape (window, `CONDITION`).

        Args:
            times: shape (window,), of a range of about 1,000.
            labels: int64, shape (window,).
        """
        of_time = self.second(silu(self.first(waves(times, CONDITION))))
        return silu(of_time + self.vectors[labels])


class ResidualMlp(nn.Module):
    """Dense blocks, each scaled, shifted and gated by class and time.

    A block is that of DiT without attention (Peebles, Xie, ICCV 2023, adaLN-Zero)::

        h ← h + gate · W₂ silu(W₁ (norm(h) · (1 + scale) + shift))

    The gates and the last layer start at zero, so the network does.

    Args:
        size: coordinates of the input and of the output.
        classes: number of classes.
        width: units of each layer.
        blocks: number of blocks.
        generator: draws the initial weights.
    """

    def __init__(
        self, size: int, classes: int, width: int, blocks: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.condition = Condition(classes, generator)
        self.first = linear(size, width, generator)
        self.modulations = nn.ModuleList(
            linear(CONDITION, 3 * width, generator, zero=True) for _ in range(blocks)
        )
        self.insides = nn.ModuleList(linear(width, width, generator) for _ in range(blocks))
        self.outsides = nn.ModuleList(linear(width, width, generator) for _ in range(blocks))
        self.last_modulation = linear(CONDITION, 2 * width, generator, zero=True)
        self.last = linear(width, size, generator, zero=True)

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Map (window, size) to (window, size).

        Args:
            x: float32, shape (window, size).
            times: float32, shape (window,), of a range of about 1,000.
            labels: int64, shape (window,).
        """
        condition = self.condition(times, labels)
        h = self.first(x)
        for modulation, inside, outside in zip(
            self.modulations, self.insides, self.outsides, strict=True
        ):
            scale, shift, gate = modulation(condition).chunk(3, dim=1)
            h = h + gate * outside(silu(inside(modulated(h, scale, shift))))
        scale, shift = self.last_modulation(condition).chunk(2, dim=1)
        out: Tensor = self.last(modulated(h, scale, shift))
        return out


def modulated(h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return ``h`` normalised over its last axis, scaled and shifted."""
    return torch.addcmul(shift, layer_norm(h, h.shape[-1:]), 1 + scale)
