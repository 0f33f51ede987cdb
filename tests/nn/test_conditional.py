"""Labels and ranges for conditional networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ecgbench.nn.conditional import PeakScale, known_labels, one_hot
from tests.generators.timegan.conftest import LABELS, windows

if TYPE_CHECKING:
    import pytest


def test_labels_become_columns() -> None:
    found = one_hot(np.array([1, 0, 1]), ("N", "V"), "cpu")
    assert torch.equal(found, torch.tensor([[0.0, 1], [1, 0], [0, 1]]))
    assert torch.equal(one_hot(np.array([0, 0]), ("beat",), "cpu"), torch.ones(2, 1))


def test_labels_that_train_lacks_are_drawn_at_the_frequency_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rng = np.random.default_rng(0)
    of_train = np.array([0] * 3 + [1])
    wanted = np.array([2] * 4000 + [1, 0], dtype=np.int64)
    found = known_labels(wanted, of_train, ("N", "S", "V"), rng)
    assert found[-2:].tolist() == [1, 0]
    assert abs((found[:4000] == 1).mean() - 0.25) < 0.03
    assert "no window of class V: the 4000 asked for are of any class" in caplog.text
    caplog.clear()
    np.testing.assert_array_equal(known_labels(LABELS, LABELS, ("N", "S", "V"), rng), LABELS)
    assert not caplog.text


def test_each_lead_is_scaled_by_its_peak_and_back() -> None:
    train = windows()
    scale = PeakScale.of(train)
    scaled = scale.forward(train.signals)
    torch.testing.assert_close(scaled.abs().amax((0, 2)), torch.ones(2))
    np.testing.assert_allclose(scale.inverse(scaled), train.signals, rtol=1e-6)
    flat = train.synthetic(np.zeros_like(train.signals), train.labels)
    assert PeakScale.of(flat).peak.tolist() == [[1], [1]]
