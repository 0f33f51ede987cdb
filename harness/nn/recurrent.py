"""The one recurrent network: GRU layers and a linear head at every time step."""

import math

import torch
from torch import Tensor, nn


class RecurrentStack(nn.Module):
    """GRU layers (Cho et al., EMNLP 2014, as in `torch.nn.GRU`) with a linear head.

    Weights start as `torch.nn.GRU` and `torch.nn.Linear` start theirs, uniform in ±1/√hidden, but
    from ``generator``: the global random state is left alone.

    Args:
        inputs: channels of the input.
        hidden: units of each layer.
        outputs: channels of the output.
        layers: how many GRU layers.
        generator: draws the initial weights.
    """

    def __init__(
        self, inputs: int, hidden: int, outputs: int, *, layers: int = 1, generator: torch.Generator
    ) -> None:
        super().__init__()
        gru = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True, device="meta")
        self.gru = gru.to_empty(device="cpu")
        self.head = nn.utils.skip_init(nn.Linear, hidden, outputs)
        bound = 1 / math.sqrt(hidden)
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, time, inputs) to (batch, time, outputs)."""
        states, _ = self.gru(x)
        out: Tensor = self.head(states)
        return out
