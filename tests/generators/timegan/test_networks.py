"""The five networks: their inputs, and the class in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ecgbench.generators.timegan.model import TimeGan
from tests.generators.timegan.conftest import SMALL, fitted, make_state, small, windows

if TYPE_CHECKING:
    from ecgbench import Context
    from ecgbench.generators.timegan.training import Training


def test_a_feedforward_recovery_sees_one_step_alone(context: Context) -> None:
    h = torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    other = h.clone()
    other[:, 4] += 1
    for recovery, steps in (("recurrent", 5), ("feedforward", 1)):
        networks = make_state(context, small(recovery=recovery)).networks
        differ = (networks.recover(h) != networks.recover(other)).any(2).any(0)
        assert differ.tolist() == [4 <= step < 4 + steps for step in range(9)]


def test_a_bidirectional_discriminator_sees_all_steps(context: Context) -> None:
    h = torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    other = h.clone()
    other[:, 4] += 1
    for discriminator, first in (("forward", 4), ("bidirectional", 0)):
        state = make_state(context, small(discriminator=discriminator))
        y, y_other = (state.networks.discriminate(each, state.s) for each in (h, other))
        assert (y != y_other).any(2).any(0).tolist() == [step >= first for step in range(9)]


def test_the_class_reaches_every_network_but_the_recovery(state: Training) -> None:
    networks, s = state.networks, state.s
    other = s.roll(1, 0)
    x, h = state.x, torch.rand(20, 9, 5, generator=torch.Generator().manual_seed(2))
    for network, series in (
        (networks.embed, x),
        (networks.generate, x),
        (networks.supervise, h),
        (networks.discriminate, h),
    ):
        assert not torch.allclose(network(series, s)[:, 0], network(series, other)[:, 0])
    recovery: Any = networks.recovery
    assert recovery.gru.input_size == 5


def test_with_one_class_there_is_no_static_feature(context: Context) -> None:
    model = fitted(context, train=windows(classes=("beat",)))
    assert model._networks.embedder.gru.input_size == 2
    assert model.sample(np.zeros(3, dtype=np.int64), context).problem() is None


def test_parameters_counts_the_weights_of_all_five_networks(context: Context) -> None:
    assert TimeGan(SMALL).parameters == 0

    def gru(inputs: int) -> int:
        return 3 * 5 * (inputs + 5 + 2)

    embedder = generator = gru(2 + 3) + gru(5) + 5 * 5 + 5
    recovery = gru(5) + gru(5) + 2 * 5 + 2
    supervisor = gru(5 + 3) + 5 * 5 + 5
    discriminator = gru(5 + 3) + gru(5) + 5 + 1
    total = embedder + generator + recovery + supervisor + discriminator
    assert fitted(context).parameters == total
