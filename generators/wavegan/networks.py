"""The two generators and their critic.

Source: Thambawita et al., Sci Rep 11:21896, 2021, and the authors' code
(https://github.com/vlbthambawita/Pulse2Pulse): WaveGAN* is WaveGAN (Donahue, McAuley, Puckette, ICLR 2019)
with upsampling layers, and Pulse2Pulse a U-Net from noise to a window.  With the published settings each
layer has the published size, and so has the whole network.  Differences:

- the published networks know no class.  Here both generators read it beside their noise, one-hot, and
  the critic judges it by projection (Miyato, Koyama, ICLR 2018, equation 4);
- for a window of another length than factors and strides divide, a generator makes a longer one and
  cuts it off, and a critic's layer rounds up;
- the authors' code also has layers that its networks never use.

Upsampling repeats each sample; a convolution keeps the length.  The critic's weights start normal, by
Kaiming He's rule, those of the generator's convolutions as in torch; as in the code.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

if TYPE_CHECKING:
    from ecgbench.generators.wavegan import WaveGanConfig

LATENT = 100
"""Numbers of the noise of WaveGAN*."""


class WaveGenerator(nn.Module):
    """WaveGAN*: a dense layer, then upsampling and a convolution in turns.

    Args:
        leads: of a window.
        length: samples of a window.
        classes: length of the one-hot class; 0 without one.
        config: settings.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        leads: int,
        length: int,
        classes: int,
        config: WaveGanConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.length, self.factors = length, config.upsampling
        self.start = math.ceil(length / math.prod(self.factors))
        widths = (*config.channels, leads)
        self.dense = _linear(LATENT + classes, widths[0] * self.start, generator)
        self.layers = nn.ModuleList(
            _convolution(before, after, config.kernel, 1, generator)
            for before, after in pairwise(widths)
        )
        _he_normal(self.dense, generator)

    @property
    def noise(self) -> tuple[int, ...]:
        """The shape of the noise of a window, which is uniform on [−1, 1]."""
        return (LATENT,)

    def forward(self, z: Tensor, s: Tensor) -> Tensor:
        """Map noise (batch, 100) and classes (batch, class) to windows in (−1, 1)."""
        x = torch.relu(self.dense(torch.cat([z, s], dim=1)))
        x = x.unflatten(1, (-1, self.start))
        for layer, factor in zip(self.layers[:-1], self.factors, strict=False):
            x = torch.relu(layer(_longer(x, factor)))
        x = torch.tanh(self.layers[-1](_longer(x, self.factors[-1])))
        return x[..., : self.length]


class PulseGenerator(nn.Module):
    """Pulse2Pulse: a U-Net from noise of the shape of a window to a window.

    The way down has the factors and channels of the way up, in reverse.  Each layer up but the first and
    the last reads the layer down of its length beside the layer below.

    Args:
        leads: of a window.
        length: samples of a window.
        classes: length of the one-hot class; 0 without one.
        config: settings.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        leads: int,
        length: int,
        classes: int,
        config: WaveGanConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.length, self.leads, self.factors = length, leads, config.upsampling
        whole = math.prod(self.factors)
        self.padded = math.ceil(length / whole) * whole
        widths = (*config.channels, leads)
        inputs = (*widths[1:-1], leads + classes)
        self.down = nn.ModuleList(
            _convolution(before, after, config.kernel, factor, generator)
            for before, after, factor in zip(inputs, widths[:-1], self.factors, strict=True)
        )
        last = len(self.factors) - 1
        self.up = nn.ModuleList(
            _convolution(
                2 * width if 0 < number < last else width,
                widths[number + 1],
                config.kernel,
                1,
                generator,
            )
            for number, width in enumerate(widths[:-1])
        )

    @property
    def noise(self) -> tuple[int, ...]:
        """The shape of the noise of a window, which is uniform on [−1, 1]."""
        return (self.leads, self.padded)

    def forward(self, z: Tensor, s: Tensor) -> Tensor:
        """Map noise (batch, lead, padded) and classes (batch, class) to windows in (−1, 1)."""
        x = torch.cat([z, s[..., None].expand(-1, -1, z.shape[2])], dim=1)
        beside: list[Tensor] = []
        for layer in reversed(self.down):
            x = leaky_relu(layer(x))
            beside.insert(0, x)
        last = len(self.factors) - 1
        for number, (layer, factor) in enumerate(zip(self.up, self.factors, strict=True)):
            if 0 < number < last:
                x = torch.cat([x, beside[number]], dim=1)
            x = layer(_longer(x, factor))
            x = torch.tanh(x) if number == last else torch.relu(x)
        return x[..., : self.length]


class Critic(nn.Module):
    """Convolutions with strides and phase shuffle, then a dense layer and the projection of the class.

    Args:
        leads: of a window.
        length: samples of a window.
        classes: length of the one-hot class; 0 without one.
        config: settings.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        leads: int,
        length: int,
        classes: int,
        config: WaveGanConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        channels = leads
        for width, stride in zip(config.critic_channels, config.critic_strides, strict=True):
            layer = _convolution(channels, width, config.kernel, stride, generator)
            _he_normal(layer, generator)
            self.layers.append(layer)
            channels, length = width, math.ceil(length / stride)
        self.dense = _linear(channels * length, 1, generator)
        _he_normal(self.dense, generator)
        self.classes = nn.utils.skip_init(nn.Linear, classes, channels * length, bias=False)
        nn.init.zeros_(self.classes.weight)

    @property
    def shuffles(self) -> int:
        """Layers that are followed by phase shuffle: all but the last."""
        return len(self.layers) - 1

    def forward(self, x: Tensor, s: Tensor, shifts: Tensor) -> Tensor:
        """Return a value for each window, shape (batch,).

        Args:
            x: windows, shape (batch, lead, sample).
            s: classes, shape (batch, class).
            shifts: samples of each phase shuffle, int64, shape (shuffle, batch).
        """
        for layer, by in zip(self.layers[:-1], shifts, strict=True):
            x = phase_shuffle(leaky_relu(layer(x), 0.2), by)
        features = leaky_relu(self.layers[-1](x), 0.2).flatten(1)
        value: Tensor = self.dense(features)[:, 0] + (features * self.classes(s)).sum(dim=1)
        return value


def phase_shuffle(x: Tensor, shifts: Tensor) -> Tensor:
    """Move each series on in time, and reflect it at its ends into the gap (WaveGAN, section 3.3).

    Args:
        x: shape (batch, channel, time).
        shifts: of each series, later in time if positive, int64, shape (batch,).  A series shorter
            than its shift moves by its length less one.
    """
    last = x.shape[2] - 1
    if last == 0:
        return x
    places = torch.arange(last + 1, device=x.device) - shifts[:, None].clamp(-last, last)
    places = last - (last - places.abs()).abs()
    return x.gather(2, places[:, None].expand(x.shape))


def _longer(x: Tensor, factor: int) -> Tensor:
    return interpolate(x, scale_factor=factor)


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int, generator: torch.Generator
) -> nn.Conv1d:
    """Return a convolution that divides the length by ``stride``, rounded up; weights start as torch's."""
    layer: nn.Conv1d = nn.utils.skip_init(
        nn.Conv1d, inputs, outputs, kernel, stride=stride, padding=kernel // 2
    )
    _uniform(layer, generator)
    return layer


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    _uniform(layer, generator)
    return layer


def _uniform(layer: nn.Conv1d | nn.Linear, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    assert layer.bias is not None
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def _he_normal(layer: nn.Conv1d | nn.Linear, generator: torch.Generator) -> None:
    """Start weights normal with variance 2/inputs (He et al., ICCV 2015), as torch's rule does."""
    nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.weight[0].numel()), generator=generator)
