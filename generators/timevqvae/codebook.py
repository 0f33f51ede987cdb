"""The codebook of a band: the nearest code, and codes that follow the latents as running means.

Source: van den Oord, Vinyals, Kavukcuoglu, "Neural discrete representation learning", NeurIPS 2017,
section 3.2 and appendix A.1; distances are Euclidean.  As in the code of TimeVQVAE, codes start from
N(0, I), and counts are smoothed as Laplace did.  Counts start from 1, so that a code without latents stays
where it is at first.  In the authors' code they start from 0, and the first batch throws such codes far away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, mse_loss, one_hot

if TYPE_CHECKING:
    from ecgbench.generators.timevqvae import TimeVqVaeConfig

SMOOTHING = 1e-5
"""Latents that each code has beforehand (authors' code)."""


class Codebook(nn.Module):
    """A list of codes.

    Args:
        config: settings.

    Attributes:
        codes: float32, shape (code, width).
        counts: running mean of the latents of each code in a batch, shape (code,).
        sums: running mean of their sum, shape (code, width).
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, config: TimeVqVaeConfig) -> None:
        super().__init__()
        self.decay = config.decay
        self.register_buffer("codes", torch.zeros(config.codes, config.width))
        self.register_buffer("counts", torch.zeros(config.codes))
        self.register_buffer("sums", torch.zeros(config.codes, config.width))

    def start(self, generator: torch.Generator) -> None:
        """Draw the codes."""
        self.codes.normal_(generator=generator)
        self.sums.copy_(self.codes)
        self.counts.fill_(1.0)

    def distances(self, z: Tensor) -> Tensor:
        """Return squared distances of latents from all codes, shape (…, code).

        Args:
            z: latents, shape (…, width).
        """
        codes = self.codes
        found: Tensor = z.square().sum(-1, keepdim=True) - 2 * z @ codes.T + codes.square().sum(1)
        return found

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Replace latents by their nearest codes.

        In training the codes then move on.  The gradient passes to the latents as if nothing had happened.

        Args:
            z: latents, shape (window, width, frequency, frame).

        Returns:
            Codes of the shape of ``z``, the tokens, int64, shape (window, token), and the commitment loss,
            the mean squared distance of latents from their codes.
        """
        latents = flat(z)
        tokens = self.distances(latents.detach()).argmin(dim=-1)
        nearest = self.spread(tokens, z.shape[2])
        commitment = mse_loss(z, nearest)
        if self.training:
            self.move(latents.detach().flatten(0, 1), tokens.flatten())
        return z + (nearest - z).detach(), tokens, commitment

    def spread(self, tokens: Tensor, frequencies: int) -> Tensor:
        """Return the codes of tokens, shape (window, width, frequency, frame)."""
        listed = embedding(tokens, self.codes).transpose(1, 2)
        codes: Tensor = listed.unflatten(2, (frequencies, -1))
        return codes

    def move(self, latents: Tensor, tokens: Tensor) -> None:
        """Move running means and codes on by one batch.

        Args:
            latents: shape (latent, width).
            tokens: of the latents, int64, shape (latent,).
        """
        with torch.no_grad():
            members = one_hot(tokens, len(self.codes)).to(latents.dtype)
            self.counts.lerp_(members.sum(dim=0), 1 - self.decay)
            self.sums.lerp_(members.T @ latents, 1 - self.decay)
            total = self.counts.sum()
            smoothed = (self.counts + SMOOTHING) / (total + len(self.codes) * SMOOTHING) * total
            self.codes.copy_(self.sums / smoothed[:, None])


def flat(z: Tensor) -> Tensor:
    """Return latents in the order of tokens: (window, width, frequency, frame) as (window, token, width)."""
    return z.flatten(2).transpose(1, 2)
