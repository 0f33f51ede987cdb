"""The five networks of TimeGAN and how the class of a window reaches them.

Source: Yoon, Jarrett, van der Schaar, "Time-series Generative Adversarial Networks", NeurIPS 2019,
sections 4.1 and 4.2, and the authors' code (https://github.com/jsyoon0823/TimeGAN).  Where the two
differ the code is followed, being what the published numbers came from:

- every network is a stack of GRU layers with a linear layer at each step, the recovery included
  (in the paper it is feed-forward) and the discriminator, which reads forward in time only (in the
  paper, in both directions);
- a sigmoid ends every network but the discriminator, which returns logits; so latents and recovered
  signals lie in (0, 1);
- the paper's autoregressive generator g_X is two networks here: the generator turns noise into
  latents, and the supervisor, a layer less deep, turns latents into the latents of the next step.

The code has no static features.  The paper's static vector s is here the class, one-hot, and its
embedding h_S is s itself: every network whose equation has h_S (embedder, generator, supervisor,
discriminator) reads s at each step beside its other input, and the columns of its first layer that
belong to s are the learned embedding.  Recovery reads h_t alone, as in equation 4.  The class is
given, not generated, so the parts of the losses that would judge an ŝ fall away.  With one class
there is no s, and the networks are the code's.

The GRU is `torch.nn.GRU`'s, which applies the reset gate after the matrix product; TensorFlow's
applies it before.
"""

import torch
from torch import Tensor, nn

from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.nn import RecurrentStack


class Networks(nn.Module):
    """Embedder, recovery, generator, supervisor and discriminator.

    Tensors are float32: x (batch, time, lead), z like x, h (batch, time, hidden), s (batch, static).

    Args:
        leads: features of the series, and channels of the noise.
        static: channels of the static vector; 0 for none.
        config: settings.
        generator: draws the initial weights.
    """

    def __init__(
        self, leads: int, static: int, config: TimeGanConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        hidden = config.hidden

        def stack(
            inputs: int, outputs: int, layers: int = config.layers, *, sigmoid: bool = True
        ) -> RecurrentStack:
            return RecurrentStack(
                inputs, hidden, outputs, layers=layers, sigmoid=sigmoid, generator=generator
            )

        self.embedder = stack(leads + static, hidden)
        self.recovery = stack(hidden, leads)
        self.generator = stack(leads + static, hidden)
        self.supervisor = stack(hidden + static, hidden, config.layers - 1)
        self.discriminator = stack(hidden + static, 1, sigmoid=False)

    def embed(self, x: Tensor, s: Tensor) -> Tensor:
        """h_t = e_X(h_S, h_{t−1}, x_t), equation 3."""
        latents: Tensor = self.embedder(_beside(x, s))
        return latents

    def recover(self, h: Tensor) -> Tensor:
        """x̃_t = r_X(h_t), equation 4."""
        signals: Tensor = self.recovery(h)
        return signals

    def generate(self, z: Tensor, s: Tensor) -> Tensor:
        """ê_t, latents from noise: the open-loop part of g_X, equation 5."""
        latents: Tensor = self.generator(_beside(z, s))
        return latents

    def supervise(self, h: Tensor, s: Tensor) -> Tensor:
        """The latent of step t + 1 from those up to t: the closed-loop part of g_X, equation 9."""
        latents: Tensor = self.supervisor(_beside(h, s))
        return latents

    def discriminate(self, h: Tensor, s: Tensor) -> Tensor:
        """Logits of y_t, (batch, time, 1), equation 6: positive for real latents."""
        logits: Tensor = self.discriminator(_beside(h, s))
        return logits

    def synthesise(self, z: Tensor, s: Tensor) -> Tensor:
        """x̂ from noise: generator, supervisor, recovery."""
        return self.recover(self.supervise(self.generate(z, s), s))


def _beside(series: Tensor, s: Tensor) -> Tensor:
    """(batch, time, channel) and (batch, static) to (batch, time, channel + static)."""
    if not s.shape[1]:
        return series
    return torch.cat([series, s[:, None].expand(-1, series.shape[1], -1)], dim=2)
