"""The five networks of TimeGAN, and the way of the class of a window to them.

Source: Yoon, Jarrett, van der Schaar, "Time-series Generative Adversarial Networks", NeurIPS 2019,
sections 4.1 and 4.2, and the authors' code (https://github.com/jsyoon0823/TimeGAN).  If the two differ,
the networks follow the code, the source of the published numbers, and the paper is a setting:

- every network is a stack of GRU layers with a linear layer at each step.  So is the recovery
  (``recovery``: in the paper it is feed-forward), and so is the discriminator, which reads forward in
  time only (``discriminator``: in the paper, in both directions);
- a sigmoid ends every network but the discriminator, which returns logits; so recovered signals lie
  in (0, 1), and latents do, too (``latent``: the paper names no such function in section 4);
- the paper's autoregressive generator g_X is two networks here: the generator turns noise into
  latents, and the supervisor, a layer less deep, turns latents into the latents of the next step.

The code has no static features.  The paper's static vector s is here the class, one-hot, and its
embedding h_S is s itself.  Every network with h_S in its equation (embedder, generator, supervisor,
discriminator) reads s at each step beside its other input; the columns of its first layer for s are
the learned embedding.  Recovery reads h_t alone, as in equation 4.  The class is given, not generated,
so the losses have no parts that judge an ŝ.  With one class there is no s, and the networks are the
code's.

The GRU is `torch.nn.GRU`'s: it applies the reset gate after the matrix product, TensorFlow's before.
"""

import torch
from torch import Tensor, nn

from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.nn import RecurrentStack


class Networks(nn.Module):
    """Embedder, recovery, generator, supervisor and discriminator.

    Tensors are float32: x (batch, time, lead), z (batch, time, lead + static_noise),
    h (batch, time, hidden), s (batch, static).

    Args:
        leads: features of the series, and channels of the noise of each step.
        static: channels of the static vector; 0 for none.
        config: settings.
        generator: draws the initial weights.
    """

    def __init__(
        self, leads: int, static: int, config: TimeGanConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        hidden, bounded = config.hidden, config.latent == "sigmoid"

        def stack(
            inputs: int, outputs: int, layers: int = config.layers, *, sigmoid: bool
        ) -> RecurrentStack:
            return RecurrentStack(
                inputs, hidden, outputs, layers=layers, sigmoid=sigmoid, generator=generator
            )

        self.embedder = stack(leads + static, hidden, sigmoid=bounded)
        self.recovery: nn.Module
        if config.recovery == "recurrent":
            self.recovery = stack(hidden, leads, sigmoid=True)
        else:
            self.recovery = _feedforward(hidden, leads, config.layers, generator)
        self.generator = stack(leads + config.static_noise + static, hidden, sigmoid=bounded)
        self.supervisor = stack(hidden + static, hidden, config.layers - 1, sigmoid=bounded)
        self.discriminator: nn.Module = stack(hidden + static, 1, sigmoid=False)
        if config.discriminator == "bidirectional":
            backward = stack(hidden + static, 1, sigmoid=False)
            self.discriminator = _Bidirectional(self.discriminator, backward)

    def embed(self, x: Tensor, s: Tensor) -> Tensor:
        """Return h_t = e_X(h_S, h_{t−1}, x_t), equation 3."""
        latents: Tensor = self.embedder(_beside(x, s))
        return latents

    def recover(self, h: Tensor) -> Tensor:
        """Return x̃_t = r_X(h_t), equation 4."""
        signals: Tensor = self.recovery(h)
        return signals

    def generate(self, z: Tensor, s: Tensor) -> Tensor:
        """Return ê_t, latents from noise: the open-loop part of g_X, equation 5."""
        latents: Tensor = self.generator(_beside(z, s))
        return latents

    def supervise(self, h: Tensor, s: Tensor) -> Tensor:
        """Return the latent of step t + 1 from those up to t: the closed-loop part of g_X, equation 9."""
        latents: Tensor = self.supervisor(_beside(h, s))
        return latents

    def discriminate(self, h: Tensor, s: Tensor) -> Tensor:
        """Return logits of y_t, (batch, time, 1), equation 6: positive for real latents."""
        logits: Tensor = self.discriminator(_beside(h, s))
        return logits

    def synthesise(self, z: Tensor, s: Tensor) -> Tensor:
        """Return x̂ from noise: generator, supervisor, recovery."""
        return self.recover(self.supervise(self.generate(z, s), s))


class _Bidirectional(nn.Module):
    """The sum of two networks' outputs; one network reads backward in time.

    The sum of two linear heads is one linear head on the states of both directions.
    """

    def __init__(self, forward: nn.Module, backward: nn.Module) -> None:
        super().__init__()
        self.ahead, self.back = forward, backward

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, time, inputs) to (batch, time, outputs)."""
        out: Tensor = self.ahead(x) + self.back(x.flip(1)).flip(1)
        return out


def _feedforward(
    hidden: int, outputs: int, layers: int, generator: torch.Generator
) -> nn.Sequential:
    """Return layers of ``hidden`` tanh units and a sigmoid layer, at each step alone.

    Weights start as those of `RecurrentStack`'s head.
    """
    parts: list[nn.Module] = []
    for width in [hidden] * layers + [outputs]:
        linear = nn.utils.skip_init(nn.Linear, hidden, width)
        nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.zeros_(linear.bias)
        parts += [linear, nn.Tanh()]
    return nn.Sequential(*parts[:-1], nn.Sigmoid())


def _beside(series: Tensor, s: Tensor) -> Tensor:
    """Join (batch, time, channel) and (batch, static) to (batch, time, channel + static)."""
    if not s.shape[1]:
        return series
    return torch.cat([series, s[:, None].expand(-1, series.shape[1], -1)], dim=2)
