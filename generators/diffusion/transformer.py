"""DiT: a transformer on patches of a window, each block scaled, shifted and gated by class and time.

Source: Peebles, Xie, "Scalable diffusion models with transformers", ICCV 2023, section 3.2, adaLN-Zero.
Patches are of samples of all leads, and places are told by fixed waves, in one dimension.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from ecgbench.generators.diffusion.networks import (
    CONDITION,
    Condition,
    linear,
    modulated,
    waves,
)

EXPANSION = 4
"""Hidden units of a block's dense part, in units of its width."""


class Block(nn.Module):
    """Attention and a dense part, each normalised, scaled, shifted and gated; it starts as the identity."""

    def __init__(self, width: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = linear(CONDITION, 6 * width, generator, zero=True)
        self.attend = linear(width, 3 * width, generator)
        self.attended = linear(width, width, generator)
        self.inside = linear(width, EXPANSION * width, generator)
        self.outside = linear(EXPANSION * width, width, generator)

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """Map (window, patch, width) to the same."""
        changes = self.modulation(condition)[:, None].chunk(6, dim=2)
        scale, shift, gate, dense_scale, dense_shift, dense_gate = changes
        h = h + gate * self._attention(modulated(h, scale, shift))
        inside = gelu(self.inside(modulated(h, dense_scale, dense_shift)), approximate="tanh")
        out: Tensor = h + dense_gate * self.outside(inside)
        return out

    def _attention(self, h: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.attend(h).chunk(3, dim=2)
        )
        mixed = scaled_dot_product_attention(queries, keys, values)
        out: Tensor = self.attended(mixed.transpose(1, 2).flatten(2))
        return out


class Transformer(nn.Module):
    """DiT on windows.

    A window that is no whole number of patches is lengthened by zeros, and the output is cut.

    Args:
        leads: leads of a window.
        length: samples of a window.
        classes: number of classes.
        patch: samples of a patch.
        width: numbers of a patch inside, an even multiple of ``heads``.
        blocks: number of blocks.
        heads: of the attention.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        leads: int,
        length: int,
        classes: int,
        *,
        patch: int,
        width: int,
        blocks: int,
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.leads, self.length, self.patch = leads, length, patch
        self.patches = -(-length // patch)
        self.condition = Condition(classes, generator)
        self.first = linear(leads * patch, width, generator)
        places = waves(torch.arange(self.patches, dtype=torch.float32), width)
        self.register_buffer("places", places, persistent=False)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(blocks))
        self.last_modulation = linear(CONDITION, 2 * width, generator, zero=True)
        self.last = linear(width, leads * patch, generator, zero=True)

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Map (window, lead, sample) to the same.

        Args:
            x: float32, shape (window, lead, sample).
            times: float32, shape (window,), of a range of about 1,000.
            labels: int64, shape (window,).
        """
        condition = self.condition(times, labels)
        padded = nn.functional.pad(x, (0, self.patches * self.patch - self.length))
        tokens = padded.unflatten(2, (self.patches, self.patch)).transpose(1, 2).flatten(2)
        h = self.first(tokens) + self.places
        for block in self.blocks:
            h = block(h, condition)
        scale, shift = self.last_modulation(condition)[:, None].chunk(2, dim=2)
        out = self.last(modulated(h, scale, shift))
        signals: Tensor = out.unflatten(2, (self.leads, self.patch)).transpose(1, 2).flatten(2)
        return signals[:, :, : self.length]
