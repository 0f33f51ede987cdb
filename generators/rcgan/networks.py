"""Generator and discriminator of the recurrent conditional GAN.

Source: Esteban, Hyland, Rätsch, "Real-valued (medical) time series generation with recurrent conditional
GANs", arXiv:1706.02633, 2017, section 3, and the authors' code (https://github.com/ratschlab/RGAN).  Both
networks have one recurrent layer and a linear layer at each step.  Both read the class, one-hot, at each
step beside their other input.  Differences: the layer is a GRU, the paper's an LSTM, because the fused
kernel of `ecgbench.nn` has no other; and weights start as `ecgbench.nn.RecurrentStack`'s.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecgbench.nn import RecurrentStack


class Networks(nn.Module):
    """Generator and discriminator.

    Args:
        leads: of a window.
        classes: length of the one-hot class; 0 without one.
        hidden: units of the recurrent layers.
        latent: numbers of the noise of a step.
        generator: draws the initial weights.
    """

    def __init__(
        self, leads: int, classes: int, hidden: int, latent: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.generator = RecurrentStack(latent + classes, hidden, leads, generator=generator)
        self.discriminator = RecurrentStack(leads + classes, hidden, 1, generator=generator)

    def generate(self, z: Tensor, s: Tensor) -> Tensor:
        """Return windows in (−1, 1), (batch, time, lead), from noise (batch, time, latent)."""
        return torch.tanh(self.generator(_beside(z, s)))

    def discriminate(self, x: Tensor, s: Tensor) -> Tensor:
        """Return a logit at each step, (batch, time, 1), positive for real windows."""
        logits: Tensor = self.discriminator(_beside(x, s))
        return logits


def _beside(series: Tensor, s: Tensor) -> Tensor:
    """Join (batch, time, channel) and (batch, class) to (batch, time, channel + class)."""
    return torch.cat([series, s[:, None].expand(-1, series.shape[1], -1)], dim=2)
