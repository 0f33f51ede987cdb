"""The prior of the tokens of a band: a bidirectional transformer, its masks, and its decoding.

Source: Lee and others, arXiv:2303.04743, stage 2, and the authors' code of April 2023
(https://github.com/ML4ITS/TimeVQVAE).  It is MaskGIT (Chang, Zhang, Jiang, Liu, Freeman, CVPR 2022,
sections 3.1 to 3.3): masked tokens are predicted from all others, and windows are decoded in a few steps.

The class stands before the tokens as one more vector.  The prior of the high band also reads the tokens of
the low band, spread over the places of its own by a dense layer.

In training a share γ(t) = cos(π t / 2) of the tokens is masked, t uniform, as in MaskGIT.  The authors'
code leaves this share visible.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench.generators.timevqvae import TimeVqVaeConfig


class Prior(nn.Module):
    """Logits of each token from the visible ones.

    Args:
        tokens: of a window.
        classes: number of classes; one more vector stands for no class.
        config: settings.
        below: tokens of the low band; 0 in the prior of the low band itself.

    Attributes:
        tokens: of a window.
        mask: stands for a hidden token.
        no_class: stands for no class.
    """

    def __init__(
        self, tokens: int, classes: int, config: TimeVqVaeConfig, *, below: int = 0
    ) -> None:
        super().__init__()
        codes, width = config.codes, config.width
        self.tokens, self.mask, self.no_class = tokens, codes, classes
        inputs = 2 * width if below else width
        self.embedding = nn.Embedding(codes + 1, width)
        self.below = nn.Embedding(codes, width) if below else None
        self.spread = nn.Linear(below, tokens) if below else None
        self.places = nn.Embedding(tokens, inputs)
        self.classes = nn.Embedding(classes + 1, inputs)
        self.norm = nn.LayerNorm(inputs)
        self.first = nn.Linear(inputs, config.prior_width)
        self.layers = nn.Sequential(
            *(Layer(config.prior_width, config.heads) for _ in range(config.layers))
        )
        self.last_norm = nn.RMSNorm(config.prior_width)
        self.last = nn.Linear(config.prior_width, inputs)
        self.head = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(tokens, codes))

    def start(self, _: torch.Generator) -> None:
        """Set the weights that no layer has."""
        self.bias.zero_()

    def adopt(self, own: Tensor, below: Tensor) -> None:
        """Let vectors of tokens start as the codes of the bands.

        Args:
            own: codes of this band, shape (code, width).
            below: codes of the low band.
        """
        with torch.no_grad():
            self.embedding.weight[:-1] = own
            if self.below is not None:
                self.below.weight.copy_(below)

    def forward(self, tokens: Tensor, labels: Tensor, below: Tensor) -> Tensor:
        """Return logits, float32, shape (window, token, code).

        Args:
            tokens: int64, shape (window, token); ``mask`` stands for a hidden one.
            labels: int64, shape (window,); ``no_class`` stands for none.
            below: tokens of the low band; the prior of the low band does not read them.
        """
        h = self.embedding(tokens)
        if self.below is not None and self.spread is not None:
            beside = self.spread(self.below(below).transpose(1, 2)).transpose(1, 2)
            h = torch.cat([beside, h], dim=2)
        h = self.norm(h + self.places.weight)
        h = torch.cat([self.classes(labels)[:, None], h], dim=1)
        h = self.last(self.last_norm(self.layers(self.first(h))))
        logits: Tensor = self.head(h[:, 1:]) @ self.embedding.weight[:-1].T + self.bias
        return logits


class Layer(nn.Module):
    """Attention and a dense part, each on normalised input and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.dense_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attend = nn.Linear(width, 3 * width, bias=False)
        self.attended = nn.Linear(width, width, bias=False)
        self.inside, self.outside = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        """Map (window, place, width) to the same."""
        queries, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.attend(self.attention_norm(h)).chunk(3, dim=2)
        )
        mixed = scaled_dot_product_attention(queries, keys, values)
        h = h + self.attended(mixed.transpose(1, 2).flatten(2))
        out: Tensor = h + self.outside(gelu(self.inside(self.dense_norm(h))))
        return out


def masked_share(progress: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return γ, the share of tokens that is masked, at a progress from 0 to 1 (MaskGIT, section 3.3)."""
    return np.asarray(np.cos(np.multiply(progress, math.pi / 2)))


def masks(windows: int, tokens: int, rng: np.random.Generator) -> Tensor:
    """Return random masks for training, bool, shape (window, token), True for a hidden token.

    Each window has a share of its own; at least one token is hidden.
    """
    hidden = np.floor(masked_share(rng.random(windows)) * tokens).clip(min=1)
    ranks = rng.random((windows, tokens)).argsort(axis=1).argsort(axis=1)
    return torch.from_numpy(ranks < hidden[:, None])


def prior_loss(
    prior: Prior, tokens: Tensor, labels: Tensor, below: Tensor, hidden: Tensor
) -> Tensor:
    """Return the mean of −log p of the hidden tokens, in nats, a scalar."""
    logits = prior(tokens.masked_fill(hidden, prior.mask), labels, below)
    return cross_entropy(logits[hidden], tokens[hidden])


def decode(
    logits: Callable[[Tensor], Tensor],
    tokens: Tensor,
    mask: int,
    *,
    steps: int,
    temperature: float,
    rng: np.random.Generator,
) -> Tensor:
    """Return tokens, all drawn, in a few steps (MaskGIT, section 3.2).

    Each step draws every hidden token, and hides the least credible ones again.  A token's credibility is
    log p of what was drawn, with Gumbel noise on it.  The noise falls to 0 with the steps.

    Args:
        logits: of tokens, shape (window, token, code).
        tokens: int64, shape (window, token), ``mask`` where they are hidden.
        mask: stands for a hidden token.
        steps: number of steps.
        temperature: of the noise at the start.
        rng: draws tokens and noise.
    """
    beginning = int((tokens == mask).sum(dim=1).max()) if len(tokens) else 0
    for step in range(1, steps + 1):
        found = logits(tokens).log_softmax(dim=2)
        unknown = tokens == mask
        drawn = (found + gumbel(rng, found)).argmax(dim=2)
        credible = found.gather(2, drawn[..., None])[..., 0]
        noise = temperature * (1 - step / steps) * gumbel(rng, credible)
        credible = (credible + noise).masked_fill(~unknown, math.inf)
        tokens = torch.where(unknown, drawn, tokens)
        hidden = int(masked_share(step / steps) * beginning)
        least = credible.topk(hidden, dim=1, largest=False).indices
        tokens = tokens.scatter(1, least, mask)
    return tokens


def gumbel(rng: np.random.Generator, like: Tensor) -> Tensor:
    """Return standard Gumbel draws, float32: the greatest of logits and these is a draw of their softmax."""
    draws = rng.standard_exponential(tuple(like.shape), dtype=np.float32)
    return -torch.from_numpy(draws).log().to(like.device)
