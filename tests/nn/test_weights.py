"""Weights as arrays, and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ecgbench import DataError
from ecgbench.nn.weights import weights, with_weights


def network(inputs: int = 3) -> nn.Module:
    parts = {"first": nn.Linear(inputs, 2), "norm": nn.BatchNorm1d(2), "last": nn.Linear(2, 1)}
    return nn.ModuleDict(parts)


def test_weights_and_buffers_come_back_in_their_dtype() -> None:
    saved, loaded = network().double(), network().double()
    with_weights(loaded, weights(saved))
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert weights(saved)["first.weight"].dtype == "float64"


def test_children_that_are_left_out_stay_as_they_are() -> None:
    saved, loaded = network(), network()
    before = loaded["last"].weight.clone()  # type: ignore[index]
    found = weights(saved, "last")
    assert not any(name.startswith("last") for name in found)
    with_weights(loaded, found, "last")
    assert torch.equal(loaded["last"].weight, before)  # type: ignore[index]
    assert torch.equal(loaded["first"].weight, saved["first"].weight)  # type: ignore[index]


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(DataError, match=r"other names: first\.bias"):
        with_weights(network(), weights(network(), "first"))
    with pytest.raises(DataError, match="size mismatch"):
        with_weights(network(), weights(network(4)))
