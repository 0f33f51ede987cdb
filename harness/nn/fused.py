"""GRU layers and a linear head as one operation of autograd, over the kernel in ``gru.c``."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ecgbench.nn import native

if TYPE_CHECKING:
    from collections.abc import Sequence


def applies_to(x: Tensor) -> bool:
    """Return whether the kernel fits this input: float32 on the CPU, and there is a compiler."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.numel() > 0
        and native.kernel().name == "native"
    )


def gru_stack(x: Tensor, weights: Sequence[Tensor], *, sigmoid: bool = False) -> Tensor:
    """Compute GRU layers, as in `torch.nn.GRU`, and a linear head.

    Args:
        x: input (batch, time, inputs), float32 or float64 on the CPU.
        weights: of each layer ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``, then the head's
            ``weight`` and ``bias``; of x's type.
        sigmoid: the head's output goes through the logistic function.

    Returns:
        (batch, time, outputs).

    Raises:
        ValueError: sizes do not fit.
        TypeError: the weights are not of x's type.
        KernelError: there is no kernel.
    """
    if x.dim() != 3:
        raise ValueError(f"the input must have three dimensions, (batch, time, inputs): {x.shape}")
    if x.shape[2] != weights[0].shape[1]:
        raise ValueError(
            f"the stack takes {weights[0].shape[1]} inputs and the input has {x.shape[2]}"
        )
    if any(weight.dtype != x.dtype for weight in weights):
        raise TypeError(f"the input is {x.dtype}, the weights are {weights[0].dtype}")
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *weights)):
        stack: Any = _Stack.apply  # torch leaves it untyped
        out: Tensor = stack(sigmoid, x, *weights)
        return out
    return _Call(sigmoid, x, weights).forward(None)


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sigmoid: bool, x: Tensor, *weights: Tensor) -> Tensor:
        call = _Call(sigmoid, x, weights)
        states = call.empty(call.kernel.gru_states_size)
        y = call.forward(states)
        ctx.sigmoid = sigmoid
        ctx.save_for_backward(states, y, x, *weights)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        states, y, x, *weights = ctx.saved_tensors
        _, wants_x, *wants = ctx.needs_input_grad
        call = _Call(ctx.sigmoid, x, weights)
        dx = torch.empty_like(call.x) if wants_x else None
        gradients = call.empty(call.kernel.gru_gradients_size) if any(wants) else None
        call.backward(y, dy, states, dx, gradients)
        if gradients is None:
            return (None, dx, *[None] * len(weights))
        parts = gradients.split([weight.numel() for weight in weights])
        return (None, dx, *(part.view_as(w) for part, w in zip(parts, weights, strict=True)))


class _Shape(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("batch", "time", "inputs", "hidden", "outputs", "layers", "sigmoid")
    ]


class _Call:
    """The arguments of the kernel's functions for one input."""

    def __init__(self, sigmoid: bool, x: Tensor, weights: Sequence[Tensor]) -> None:
        self.x = x.contiguous()
        self.weights = [weight.contiguous() for weight in weights]
        self.outputs, hidden = weights[-2].shape
        layers = len(weights) // 4
        self.kernel = native.library(double=x.dtype == torch.float64)
        self.shape = ctypes.byref(_Shape(*x.shape, hidden, self.outputs, layers, sigmoid))
        self.pointers = (ctypes.c_void_p * len(weights))(*map(_pointer, self.weights))
        self.threads = torch.get_num_threads()

    def empty(self, size: Any, *arguments: int) -> Tensor:
        return self.x.new_empty(size(self.shape, *arguments))

    def forward(self, states: Tensor | None) -> Tensor:
        y = self.x.new_empty(*self.x.shape[:2], self.outputs)
        scratch = self.empty(self.kernel.gru_scratch_size, 0, self.threads)
        tensors = (self.x, y, states, scratch)
        self.kernel.gru_forward(self.shape, self.threads, self.pointers, *map(_pointer, tensors))
        return y

    def backward(
        self, y: Tensor, dy: Tensor, states: Tensor, dx: Tensor | None, gradients: Tensor | None
    ) -> None:
        scratch = self.empty(self.kernel.gru_scratch_size, 1, self.threads)
        tensors = (self.x, y, dy.contiguous(), states, dx, gradients, scratch)
        self.kernel.gru_backward(self.shape, self.threads, self.pointers, *map(_pointer, tensors))


def _pointer(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
