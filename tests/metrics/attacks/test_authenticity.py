from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ecgbench import Config
from ecgbench.metrics.attacks.authenticity import authenticity
from ecgbench.metrics.attacks.parts import parts_of_train
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from ecgbench import Comparison, Score
    from tests.metrics.attacks.conftest import NoiseCell
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison) -> Score:
    return authenticity(comparison, Config())


def published(comparison: Comparison) -> float:
    """With respect to ``control``, in the way of the authors' program."""
    search = NearestNeighbors(n_neighbors=2, algorithm="kd_tree").fit(flat(comparison, "control"))
    spacing = search.kneighbors(flat(comparison, "control"))[0][:, 1]
    distances, indices = search.kneighbors(flat(comparison, "synthetic"), 1)
    return float(np.mean(spacing[indices[:, 0]] < distances[:, 0]))


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("copies", [0, 0.2])
def test_it_is_what_the_authors_compute(cell: Cell, copies: float, leads: int) -> None:
    comparison = cell(copies=copies, leads=leads)
    found = score(comparison)
    assert found.parts["control"] == pytest.approx(published(comparison))
    assert found.parts["train"] == pytest.approx(
        np.mean([published(part) for part in parts_of_train(comparison)])
    )
    assert found.value == pytest.approx(found.parts["train"] - found.parts["control"])
    assert found.contributions is not None
    assert found.contributions.evaluate()[0] == pytest.approx(found.value)


def test_fresh_real_windows_score_0(cell: Cell) -> None:
    values = [score(cell(copies=0, seed=seed)).value for seed in range(24)]
    assert np.mean(values) == pytest.approx(0, abs=0.03)


def test_a_copy_is_not_authentic(cell: Cell) -> None:
    """A copy is in a part of 144 of 360 windows with a probability of .4, at distance 0 then."""
    found = [score(cell(copies=1, seed=seed)) for seed in range(8)]
    expected = np.mean([-0.4 * each.parts["control"] for each in found])
    assert np.mean([each.value for each in found]) == pytest.approx(expected, abs=0.02)


def test_noise_is_authentic_whatever_was_learnt(noise_cell: NoiseCell) -> None:
    found = score(noise_cell())
    assert found.parts == {"train": 1, "control": 1}
    assert found.value == 0
