"""The networks: phase shuffle, the published sizes, the class, any length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from ecgbench.generators.wavegan import WaveGanConfig
from ecgbench.generators.wavegan.networks import (
    Critic,
    PulseGenerator,
    WaveGenerator,
    phase_shuffle,
)
from ecgbench.nn.training import count

if TYPE_CHECKING:
    from torch import nn

PUBLISHED = WaveGanConfig(
    upsampling=(5, 5, 5, 2, 5, 2),
    channels=(250, 250, 150, 50, 25, 10),
    critic_strides=(2, 2, 2, 2, 4, 4, 4),
    critic_channels=(1, 2, 5, 10, 20, 25, 100),  # a fiftieth: 204 million weights otherwise
    kernel=25,
)


def made(kind: type[nn.Module], *size: int, config: WaveGanConfig = PUBLISHED) -> Any:
    return kind(*size, config, torch.Generator().manual_seed(0))


def convolutions(*channels: tuple[int, int]) -> int:
    return sum((25 * inputs + 1) * outputs for inputs, outputs in channels)


def test_phase_shuffle_shifts_and_reflects() -> None:
    x = torch.tensor([0.0, 1, 2, 3, 4]).expand(5, 2, -1)
    found = phase_shuffle(x, torch.tensor([2, 0, -1, -2, 9]))
    assert found[:, 0].tolist() == [
        [2, 1, 0, 1, 2],
        [0, 1, 2, 3, 4],
        [1, 2, 3, 4, 3],
        [2, 3, 4, 3, 2],
        [4, 3, 2, 1, 0],
    ]
    assert torch.equal(found[:, 0], found[:, 1])
    one = torch.ones(2, 3, 1)
    assert torch.equal(phase_shuffle(one, torch.tensor([2, -2])), one)


def test_wavegan_has_the_published_layers() -> None:
    network = made(WaveGenerator, 8, 5000, 0)
    assert network.start == 2
    widths = [(250, 250), (250, 150), (150, 50), (50, 25), (25, 10), (10, 8)]
    assert count(network) == 101 * 500 + convolutions(*widths) == 2_777_993
    with torch.inference_mode():
        assert network(torch.zeros(1, 100), torch.zeros(1, 0)).shape == (1, 8, 5000)


def test_pulse2pulse_has_the_published_layers() -> None:
    network = made(PulseGenerator, 8, 5000, 0)
    down = [(8, 10), (10, 25), (25, 50), (50, 150), (150, 250), (250, 250)]
    up = [(250, 250), (500, 150), (300, 50), (100, 25), (50, 10), (10, 8)]
    assert count(network) == convolutions(*down, *up) == 6_617_728
    assert network.noise == (8, 5000)
    with torch.inference_mode():
        assert network(torch.zeros(1, 8, 5000), torch.zeros(1, 0)).shape == (1, 8, 5000)


def test_the_critic_has_the_published_layers() -> None:
    network = made(Critic, 8, 5000, 1)
    assert network.dense.in_features == 100 * 5  # published: 5000 × 5
    assert network.shuffles == 6
    widths = [(8, 1), (1, 2), (2, 5), (5, 10), (10, 20), (20, 25), (25, 100)]
    assert count(network) == convolutions(*widths) + 501 + 500  # the projection
    for layer in network.layers[3:]:
        expected = math.sqrt(2 / (25 * layer.in_channels))
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("kind", [WaveGenerator, PulseGenerator])
@pytest.mark.parametrize("length", [2, 12, 199, 200, 201])
def test_windows_have_any_length_and_the_class_reaches_them(
    kind: type[nn.Module], length: int
) -> None:
    network = made(kind, 3, length, 2, config=WaveGanConfig())
    z = torch.rand(1, *network.noise).expand(2, *network.noise)
    with torch.inference_mode():
        x = network(z, torch.eye(2))
        critic = made(Critic, 3, length, 2, config=WaveGanConfig())
        shifts = torch.ones(critic.shuffles, 2, dtype=torch.int64)
        assert critic(x, torch.eye(2), shifts).shape == (2,)
    assert x.shape == (2, 3, length)
    assert x.abs().max() < 1
    assert not torch.allclose(x[0], x[1])


def test_the_critic_judges_the_class_by_projection() -> None:
    critic = made(Critic, 1, 40, 3, config=WaveGanConfig())
    x = torch.rand(3, 1, 40)
    shifts = torch.zeros(critic.shuffles, 3, dtype=torch.int64)
    with torch.no_grad():
        blind = critic(x, torch.zeros(3, 3), shifts)
        assert torch.equal(critic(x, torch.eye(3), shifts), blind)  # starts so
        critic.classes.weight[:, 1] = critic.dense.weight[0]
        both = critic(x, torch.eye(3), shifts)
    torch.testing.assert_close(both - blind, torch.eye(3)[1] * (blind - critic.dense.bias))
