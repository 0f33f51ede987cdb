"""Labels and ranges for conditional networks."""

from __future__ import annotations

import numpy as np
import torch

from ecgbench.nn.conditional import PeakScale, one_hot
from tests.generators.timegan.conftest import windows


def test_labels_become_columns() -> None:
    found = one_hot(np.array([1, 0, 1]), ("N", "V"), "cpu")
    assert torch.equal(found, torch.tensor([[0.0, 1], [1, 0], [0, 1]]))
    assert torch.equal(one_hot(np.array([0, 0]), ("beat",), "cpu"), torch.ones(2, 1))


def test_each_lead_is_scaled_by_its_peak_and_back() -> None:
    train = windows()
    scale = PeakScale.of(train)
    scaled = scale.forward(train.signals)
    torch.testing.assert_close(scaled.abs().amax((0, 2)), torch.ones(2))
    np.testing.assert_allclose(scale.inverse(scaled), train.signals, rtol=1e-6)
    flat = train.synthetic(np.zeros_like(train.signals), train.labels)
    assert PeakScale.of(flat).peak.tolist() == [[1], [1]]
