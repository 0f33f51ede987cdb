"""The compiled GRU stack against `torch.nn.GRU`, float64, finite differences and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from torch import Tensor, nn

from ecgbench.nn import RecurrentStack, fused, native

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(native.kernel().name != "native", reason="no C compiler")


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def network(
    inputs: int, hidden: int, outputs: int, layers: int, dtype: torch.dtype = torch.float32
) -> tuple[nn.GRU, nn.Linear, list[Tensor]]:
    """A GRU and a head of torch's own, and their weights, no round numbers."""
    generator = torch.Generator().manual_seed(0)
    gru = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True, device="meta").to_empty(
        device="cpu"
    )
    head = nn.utils.skip_init(nn.Linear, hidden, outputs)
    with torch.no_grad():
        for weight in (*gru.parameters(), *head.parameters()):
            weight.uniform_(-(hidden**-0.5), hidden**-0.5, generator=generator)
    gru.to(dtype)
    head.to(dtype)
    return gru, head, [*gru.parameters(), *head.parameters()]


def series(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def results(y: Tensor, x: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Return the output and all gradients of a loss with a weight of its own for every output."""
    loss = (y * series(*y.shape, seed=2).to(y.dtype)).sum()
    return [y.detach(), *torch.autograd.grad(loss, [x, *weights])]


def near(found: list[Tensor], truth: list[Tensor], tolerance: float) -> None:
    """Within so much of each tensor's greatest element, or of .01: sums over windows cancel."""
    for value, true in zip(found, truth, strict=True):
        assert (value - true).abs().max() <= tolerance * true.abs().max().clamp(min=1e-2)


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 130),
    time=st.integers(1, 40),
    inputs=st.integers(1, 6),
    hidden=st.integers(1, 50),
    layers=st.integers(1, 4),
    outputs=st.integers(1, 7),
    sigmoid=st.booleans(),
)
@example(batch=1, time=1, inputs=1, hidden=1, layers=1, outputs=1, sigmoid=True)
@example(batch=72, time=2, inputs=1, hidden=1, layers=1, outputs=1, sigmoid=False)
@example(batch=130, time=40, inputs=6, hidden=50, layers=4, outputs=7, sigmoid=False)
@example(batch=64, time=33, inputs=24, hidden=24, layers=3, outputs=24, sigmoid=True)
def test_output_and_gradients_are_those_of_torch_and_of_float64(
    batch, time, inputs, hidden, layers, outputs, sigmoid
):
    gru, head, weights = network(inputs, hidden, outputs, layers)
    end = torch.sigmoid if sigmoid else nn.Identity()
    x = series(batch, time, inputs).requires_grad_()
    found = results(fused.gru_stack(x, weights, sigmoid=sigmoid), x, weights)
    near(found, results(end(head(gru(x)[0])), x, weights), 5e-5)
    gru, head, weights = network(inputs, hidden, outputs, layers, torch.float64)
    x = x.detach().double().requires_grad_()
    truth = results(end(head(gru(x)[0])), x, weights)
    near(found, truth, 1e-5)
    near(results(fused.gru_stack(x, weights, sigmoid=sigmoid), x, weights), truth, 1e-12)


def test_gradients_are_finite_differences_in_float64():
    _, _, weights = network(2, 5, 3, 2, torch.float64)
    x = series(3, 18, 2).double().requires_grad_()
    for sigmoid in (False, True):
        assert torch.autograd.gradcheck(
            lambda x, *weights, sigmoid=sigmoid: fused.gru_stack(x, weights, sigmoid=sigmoid),
            (x, *weights),
        )


@pytest.mark.usefixtures("threads")
def test_same_bits_from_run_to_run_and_for_one_and_two_threads():
    _, _, weights = network(3, 11, 4, 3)
    x = series(200, 37, 3).requires_grad_()
    runs = []
    for count in (1, 2, 2, 1):
        torch.set_num_threads(count)
        runs.append(results(fused.gru_stack(x, weights), x, weights))
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], run, strict=True))


def test_inference_gives_the_bits_of_training_and_no_graph():
    _, _, weights = network(2, 7, 3, 2)
    x = series(65, 35, 2)
    y = fused.gru_stack(x, weights)
    with torch.no_grad():
        without = fused.gru_stack(x, weights)
    assert y.requires_grad
    assert not without.requires_grad
    assert torch.equal(y, without)


def test_sequences_of_a_batch_do_not_touch_each_other():
    _, _, weights = network(2, 6, 2, 2)
    x = series(70, 20, 2)
    whole = fused.gru_stack(x, weights)
    assert torch.equal(fused.gru_stack(x[3:], weights), whole[3:])
    assert torch.equal(fused.gru_stack(x[:, :9], weights), whole[:, :9])


def test_frozen_weights_get_no_gradient_and_let_it_through():
    gru, head, weights = network(2, 8, 3, 2)
    x = series(33, 19, 2).requires_grad_()
    true = torch.autograd.grad(head(gru(x)[0]).square().sum(), x)
    frozen = [weight.detach() for weight in weights]
    y = fused.gru_stack(x, frozen)
    near(list(torch.autograd.grad(y.square().sum(), x)), list(true), 1e-5)
    assert all(weight.grad is None for weight in frozen)


def test_backward_twice_through_one_graph_gives_the_same():
    _, _, weights = network(2, 8, 3, 2)
    x = series(33, 19, 2).requires_grad_()
    loss = fused.gru_stack(x, weights).square().sum()
    first = torch.autograd.grad(loss, [x, *weights], retain_graph=True)
    second = torch.autograd.grad(loss, [x, *weights])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_views_go_in_and_their_gradients_come_out():
    gru, head, weights = network(2, 5, 1, 1)
    base = series(2, 30, 17).requires_grad_()
    x = base.permute(2, 1, 0)
    (true,) = torch.autograd.grad(head(gru(x)[0]).sum(), base)
    (found,) = torch.autograd.grad(fused.gru_stack(x, weights).sum(), base)
    near([found], [true], 1e-5)


def test_a_weight_changed_before_backward_is_an_error():
    _, _, weights = network(2, 5, 1, 1)
    y = fused.gru_stack(series(4, 5, 2), weights)
    with torch.no_grad():
        weights[0].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_nan_goes_through_where_it_must_and_nowhere_else():
    _, _, weights = network(1, 6, 1, 2)
    x = series(40, 12, 1)
    x[5, 4] = torch.nan
    y = fused.gru_stack(x, weights).detach()
    assert y[5, 4:].isnan().all()
    assert y[5, :4].isfinite().all()
    assert y[torch.arange(40) != 5].isfinite().all()


def test_sizes_and_types_that_do_not_fit_are_errors():
    _, _, weights = network(2, 5, 1, 1)
    with pytest.raises(ValueError, match=r"2 inputs.*has 3"):
        fused.gru_stack(series(4, 5, 3), weights)
    with pytest.raises(TypeError, match="float64"):
        fused.gru_stack(series(4, 5, 2), [weight.double() for weight in weights])
    with pytest.raises(ValueError, match="three dimensions"):
        fused.gru_stack(series(5, 2), weights)


def ulps(found: Tensor, true: np.ndarray) -> float:
    error = np.abs(found.double().numpy() - true) / np.spacing(np.abs(true).astype(np.float32))
    return float(error.max())


def test_tanh_and_sigmoid_are_right_to_a_few_units_in_the_last_place():
    """A unit with its update gate shut gives tanh(x); its reset gate, times a tiny m, gives σ(x)."""
    x = torch.cat([torch.linspace(-60, 60, 40001), torch.logspace(-30, 1, 4001)])
    x = torch.cat([x, -x])
    zero = torch.zeros(3)
    shut = torch.tensor([0.0, -200, 0])
    head = [torch.ones(1, 1), torch.zeros(1)]
    column = x.view(-1, 1, 1)

    weights = [torch.tensor([[0.0], [0], [1]]), torch.zeros(3, 1), shut, zero, *head]
    found = fused.gru_stack(column, weights).flatten()
    assert ulps(found, np.tanh(x.double().numpy())) < 4

    tiny = torch.tensor([0.0, 0, 2.0**-20])
    weights = [torch.tensor([[1.0], [0], [0]]), torch.zeros(3, 1), shut, tiny, *head]
    found = fused.gru_stack(column, weights).flatten() * 2**20
    assert ulps(found, 1 / (1 + np.exp(-x.double().numpy()))) < 4


def test_a_gradient_that_decays_to_nothing_does_not_slow_backward_down():
    """A loss on the last step only: subnormal numbers would take many times as long."""
    import time

    _, _, weights = network(1, 24, 1, 3)
    with torch.no_grad():
        for weight in weights:
            weight.mul_(0.1)
    x = series(64, 400, 1)

    def seconds(steps: slice) -> float:
        best = float("inf")
        for _ in range(5):
            loss = fused.gru_stack(x, weights)[:, steps].sum()
            start = time.perf_counter()
            loss.backward()
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(slice(-1, None)) < 2 * seconds(slice(None))


def test_recurrent_stack_gives_the_same_with_and_without_the_kernel(monkeypatch):
    stack = RecurrentStack(3, 10, 4, layers=2, generator=torch.Generator().manual_seed(0))
    x = series(50, 30, 3).requires_grad_()
    assert fused.applies_to(x)
    with_kernel = results(stack(x), x, list(stack.parameters()))
    monkeypatch.setattr(native, "kernel", lambda: native.Kernel("torch", "a test"))
    assert not fused.applies_to(x)
    near(with_kernel, results(stack(x), x, list(stack.parameters())), 5e-5)


@pytest.mark.parametrize("shape", [(0, 5, 3), (4, 0, 3)])
def test_the_kernel_is_not_called_for_nothing(shape):
    assert not fused.applies_to(torch.zeros(shape))
