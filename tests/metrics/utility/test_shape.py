from __future__ import annotations

import numpy as np
import pytest

from ecgbench.metrics.utility.shape import shape_features


def test_the_features_of_a_triangle_are_known() -> None:
    x = np.zeros((1, 1, 80), dtype=np.float32)
    x[0, 0, 40:45] = [1, 2, 3, 2, 1]
    x += 7  # an offset does not matter
    found = shape_features(x)[0]
    deviation = np.sqrt(19 / 80 - (9 / 80) ** 2)
    within = np.sqrt(19 / 10 - 0.9**2)
    assert found == pytest.approx(
        [3, 0, 42, 0, deviation, 1, -1, 3, 0, 0, 0, 0, within, 0, 0, 0], abs=1e-5
    )


def test_each_lead_has_its_own_and_flat_windows_have_none() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 2, 40)).astype(np.float32)
    both = shape_features(x)
    assert both[:, 0::2] == pytest.approx(shape_features(x[:, :1]))
    assert both[:, 1::2] == pytest.approx(shape_features(x[:, 1:]))
    assert not shape_features(np.full((2, 1, 5), 3.0, dtype=np.float32)).any()
