"""`RecurrentStack` against `torch.nn.GRU` and `torch.nn.Linear`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from ecgbench.nn import RecurrentStack, fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@pytest.fixture(autouse=True, params=["native", "torch"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise holds with the compiled kernel and without it."""
    if request.param == "torch":
        monkeypatch.setattr(fused, "applies_to", lambda _: False)


def stack(
    inputs: int = 3, hidden: int = 5, outputs: int = 2, layers: int = 2, seed: int = 0
) -> RecurrentStack:
    generator = torch.Generator().manual_seed(seed)
    return RecurrentStack(inputs, hidden, outputs, layers=layers, generator=generator)


def reference(network: RecurrentStack, x: Tensor) -> Tensor:
    """The same network by torch's own GRU, with its own weights."""
    states, _ = network.gru(x)
    out: Tensor = network.head(states)
    return out


def gradients(
    function: Callable[[Tensor], Tensor], network: RecurrentStack, x: Tensor
) -> tuple[Tensor, ...]:
    inputs = [x.requires_grad_(), *network.parameters()]
    weight = torch.linspace(-1, 1, function(x).numel(), dtype=x.dtype).view_as(function(x))
    return torch.autograd.grad((function(x) * weight).sum(), inputs)


# 16 steps are worked on together: fewer, as many, one more, several times as many and a rest
@pytest.mark.parametrize("time", [1, 2, 15, 16, 17, 50])
@pytest.mark.parametrize(("inputs", "hidden", "layers"), [(3, 5, 2), (7, 4, 1), (1, 6, 3)])
def test_values_and_gradients_are_those_of_torch_gru_and_linear(
    time: int, inputs: int, hidden: int, layers: int
) -> None:
    network = stack(inputs, hidden, 2, layers).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():  # a bias of 0 would hide itself
            weight.uniform_(-1.5, 1.5, generator=generator)
    x = torch.randn(4, time, inputs, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(network(x), reference(network, x), rtol=1e-9, atol=1e-12)
    expected = gradients(lambda x: reference(network, x), network, x)
    for found, wanted in zip(gradients(network, network, x), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-10)


def test_single_precision_is_as_near_to_the_exact_values_as_torch_gru_is() -> None:
    network = stack(4, 24, 24, 3)
    x = torch.rand(32, 128, 4, generator=torch.Generator().manual_seed(1))
    ours, torchs = network(x).detach(), reference(network, x).detach()
    exact = reference(network.double(), x.double()).detach()
    assert (ours - exact).abs().max() < 2e-6
    assert (ours - exact).abs().max() < 4 * (torchs - exact).abs().max()


def test_without_gradients_the_values_are_the_same_bytes() -> None:
    network, x = stack(), torch.rand(4, 40, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        silent = network(x)
    assert not silent.requires_grad
    assert torch.equal(silent, network(x))


def test_frozen_weights_get_no_gradient_and_pass_it_on() -> None:
    network, x = stack(), torch.rand(4, 20, 3, generator=torch.Generator().manual_seed(1))
    x.requires_grad_()
    (wanted,) = torch.autograd.grad(network(x).square().sum(), x)
    network.requires_grad_(requires_grad=False)
    network(x).square().sum().backward()
    assert all(weight.grad is None for weight in network.parameters())
    assert x.grad is not None
    assert torch.equal(x.grad, wanted)


def test_a_second_pass_back_through_one_graph_is_refused_and_not_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fused, "applies_to", lambda _: False)  # the kernel's graph lasts
    x = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(1))
    loss = stack()(x).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_weights_come_from_the_generator_alone_and_within_glorots_bound() -> None:
    before = torch.get_rng_state()
    network, again, other = stack(seed=3), stack(seed=3), stack(seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    for first, second in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(network.head.weight, other.head.weight)
    large = stack(30, 100, 20, 1)
    kernel, _, bias, other_bias = large.gru.all_weights[0]
    gates, candidate = kernel[:200].abs().max().item(), kernel[200:].abs().max().item()
    assert gates == pytest.approx(math.sqrt(6 / 330), rel=1e-2)  # 130 inputs, 200 outputs
    assert candidate == pytest.approx(math.sqrt(6 / 230), rel=1e-2)
    assert large.head.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 120), rel=1e-2)
    assert bias[:200].eq(1).all()
    assert bias[200:].eq(0).all()
    assert other_bias.eq(0).all()
    assert large.head.bias.eq(0).all()


def test_the_number_of_threads_is_left_as_it_was() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        stack()(torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(1))).sum().backward()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
