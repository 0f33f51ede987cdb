"""The one recurrent network: GRU layers and a linear head at every time step."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ecgbench.nn import fused

CHUNK = 16
"""Steps whose gates are computed together, so that they stay in the processor's cache."""


class RecurrentStack(nn.Module):
    """GRU layers (Cho et al., EMNLP 2014, in the form of `torch.nn.GRU`) with a linear head.

    Weights start as in TensorFlow 1's GRU cell and dense layer, the ones of the published TimeGAN and
    its post-hoc scores: kernels uniform within Glorot and Bengio's bound (AISTATS 2010, equation 16), the
    reset and update gates' biases 1, every other bias 0.  They are drawn from ``generator``: the global
    random state is left alone.

    Args:
        inputs: channels of the input.
        hidden: units of each layer.
        outputs: channels of the output.
        layers: the number of GRU layers.
        sigmoid: the output goes through the logistic function.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        layers: int = 1,
        sigmoid: bool = False,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.sigmoid = sigmoid
        gru = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True, device="meta")
        self.gru = gru.to_empty(device="cpu")
        self.head = nn.utils.skip_init(nn.Linear, hidden, outputs)
        with torch.no_grad():
            for input_kernel, hidden_kernel, input_bias, hidden_bias in self.gru.all_weights:
                fan_in = input_kernel.shape[1] + hidden
                for kernel in (input_kernel, hidden_kernel):  # reset and update gate, candidate
                    _glorot(kernel[: 2 * hidden], fan_in, 2 * hidden, generator)
                    _glorot(kernel[2 * hidden :], fan_in, hidden, generator)
                input_bias[: 2 * hidden] = 1
                input_bias[2 * hidden :] = 0
                hidden_bias.zero_()
            _glorot(self.head.weight, hidden, outputs, generator)
            self.head.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, time, inputs) to (batch, time, outputs)."""
        if x.device.type == "cpu" and fused.applies_to(x):
            layers = [weight for layer in self.gru.all_weights for weight in layer]
            weights = [*layers, self.head.weight, self.head.bias]
            return fused.gru_stack(x, weights, sigmoid=self.sigmoid)
        out = self._by_torch(x) if x.device.type == "cpu" else self.head(self.gru(x)[0])
        return torch.sigmoid(out) if self.sigmoid else out

    def _by_torch(self, x: Tensor) -> Tensor:
        states = x.permute(1, 2, 0).contiguous()  # (time, channel, batch)
        layer: Any = _GruLayer.apply  # torch leaves it untyped
        for weights in self.gru.all_weights:
            states = layer(states, *weights, torch.is_grad_enabled())
        kernel = self.head.weight.expand(len(states), -1, -1)
        return torch.baddbmm(self.head.bias[:, None], kernel, states).permute(2, 0, 1)


def _glorot(kernel: Tensor, fan_in: int, fan_out: int, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / (fan_in + fan_out))
    kernel.uniform_(-bound, bound, generator=generator)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread.

    The matrices of a GRU's step are small (hidden × batch).  Two idle cores gain nothing by sharing
    them, and two busy ones lose a factor of five in waiting for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _GruLayer(torch.autograd.Function):
    """A GRU layer on the CPU, (time, inputs, batch) to (time, hidden, batch), for short sequences.

    `torch.nn.GRU` records some twenty small operations a step for autograd.  Written out, a step takes
    six forward and three backward, in half the time.  The batch is innermost, so each gate is one
    contiguous slab.  With x and h a step's input and previous state,

        r, u = σ(W_ru x + V_ru h + b_ru),  m = V_n h + c,  n = tanh(W_n x + b_n + r ∘ m),
        h ← n + u ∘ (h − n).

    tanh a is computed as 2 σ(2 a) − 1, because this is faster, and the factor 2 is put into the weights.  A
    step's gates are the rows n, r, u, m of one matrix: W feeds the first three, V the last three.
    Backward, a pre-activation's gradient is the state's gradient times a factor of this step alone: the
    factors are computed for many steps at once, in the place of the gates.
    """

    @staticmethod
    @one_thread()
    def forward(
        ctx: Any, x: Tensor, w: Tensor, v: Tensor, w_bias: Tensor, v_bias: Tensor, grad: bool
    ) -> Tensor:
        (time, _, batch), hidden = x.shape, v.shape[1]
        twice = w.new_ones(4 * hidden, 1)
        twice[:hidden] = twice[3 * hidden :] = 2  # rows n and m
        bias = torch.cat([_candidate_first(w_bias), v_bias[2 * hidden :]])
        bias[hidden : 3 * hidden] += v_bias[: 2 * hidden]
        bias = bias[:, None] * twice
        w, v = _candidate_first(w) * twice[: 3 * hidden], v * twice[hidden:]
        differentiable = grad and any(ctx.needs_input_grad)
        gates = x.new_empty(time if differentiable else min(time, CHUNK), 4 * hidden, batch)
        states = x.new_empty(time + 1, hidden, batch)
        states[0] = 0
        minus_one = x.new_full((), -1)
        for start in range(0, time, CHUNK):
            stop = min(start + CHUNK, time)
            chunk = gates[start:stop] if differentiable else gates[: stop - start]
            kernel = w.expand(stop - start, -1, -1)
            torch.baddbmm(bias[: 3 * hidden], kernel, x[start:stop], out=chunk[:, : 3 * hidden])
            chunk[:, 3 * hidden :] = bias[3 * hidden :]
            steps = zip(
                *chunk.view(stop - start, 4, hidden, batch).unbind(1),
                chunk[:, hidden : 3 * hidden],
                chunk[:, hidden:],
                states[start:stop],
                states[start + 1 : stop + 1],
                strict=True,
            )
            for n, r, u, m, r_u, r_u_m, h, after in steps:
                r_u_m.addmm_(v, h)
                r_u.sigmoid_()
                n.addcmul_(r, m).sigmoid_()
                torch.add(minus_one, n, alpha=2, out=n)
                torch.lerp(n, h, u, out=after)
        if differentiable:
            ctx.save_for_backward(x, w, v, twice, gates, states)
        return states[1:]

    @staticmethod
    @once_differentiable
    @one_thread()
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, w, v, twice, gates, states = ctx.saved_tensors
        wants_x, wants_weights, *_ = ctx.needs_input_grad
        (time, _, batch), hidden = gates.shape, states.shape[1]
        half = grad.new_full((), 0.5)
        before = torch.cat([grad.new_zeros(1, hidden, batch), grad[:-1]])
        dh = grad[-1].clone()
        dx = torch.empty_like(x) if wants_x else None
        for start in reversed(range(0, time, CHUNK)):
            stop = min(start + CHUNK, time)
            chunk = gates[start:stop]
            factors = chunk.view(stop - start, 4, hidden, batch)
            n, r, u, m = factors.unbind(1)
            stays, rest = u.clone(), 1 - u
            u.mul_(rest).mul_(states[start:stop] - n)  # u (1 − u) (h − n)
            torch.addcmul(half, n, n, value=-0.5, out=n).mul_(rest)  # (1 − u) (1 − n²) / 2
            through_m = n * m
            torch.mul(n, r, out=m)
            r.addcmul_(r, r, value=-1).mul_(through_m)  # r (1 − r) m · that of n
            steps = zip(factors, chunk[:, hidden:], stays, before[start:stop], strict=True)
            for gate, r_u_m, stay, arriving in reversed(list(steps)):
                gate.mul_(dh)
                torch.addcmul(arriving, dh, stay, out=dh)
                dh.addmm_(v.T, r_u_m)
            if dx is not None:
                kernel = w.T.expand(stop - start, -1, -1)
                torch.bmm(kernel, chunk[:, : 3 * hidden], out=dx[start:stop])
        if not wants_weights:
            return dx, None, None, None, None, None
        dw = torch.bmm(gates[:, : 3 * hidden], x.mT).sum(0) * twice[: 3 * hidden]
        dv = torch.bmm(gates[:, hidden:], states[:-1].mT).sum(0) * twice[hidden:]
        db = gates.sum((0, 2)) * twice[:, 0]
        return dx, _candidate_last(dw), dv, _candidate_last(db[: 3 * hidden]), db[hidden:], None


def _candidate_first(rows: Tensor) -> Tensor:
    """Reorder the gates of `torch.nn.GRU`, reset, update and candidate, to n, r, u."""
    return rows.roll(len(rows) // 3, 0)


def _candidate_last(rows: Tensor) -> Tensor:
    return rows.roll(-(len(rows) // 3), 0)
