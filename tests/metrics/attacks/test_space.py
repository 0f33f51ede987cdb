from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench.metrics.attacks.space import coordinates, nearest
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from tests.metrics.privacy.conftest import Cell


@pytest.mark.parametrize("leads", [1, 2])
def test_coordinates_are_along_the_eigenvectors_of_auxiliarys_covariance(
    cell: Cell, leads: int
) -> None:
    comparison = cell(copies=0.2, leads=leads)
    auxiliary = flat(comparison, "auxiliary")
    values, vectors = np.linalg.eigh(np.cov(auxiliary.T))
    assert np.var(coordinates(comparison, "auxiliary", 3), axis=0, ddof=1) == pytest.approx(
        values[:-4:-1]
    )
    for side in ("train", "synthetic"):
        expected = (flat(comparison, side) - auxiliary.mean(axis=0)) @ vectors[:, :-4:-1]
        found = coordinates(comparison, side, 3)
        assert np.abs(found) == pytest.approx(np.abs(expected), abs=1e-6)


def test_all_components_keep_all_distances(cell: Cell) -> None:
    comparison = cell(copies=0.2)
    expected = cdist(flat(comparison, "control"), flat(comparison, "synthetic")).min(axis=1)
    assert nearest(comparison, "control", "synthetic", 40) == pytest.approx(expected, abs=1e-6)


def test_a_copy_is_at_distance_0(cell: Cell) -> None:
    comparison = cell(copies=1)
    assert nearest(comparison, "train", "synthetic", 8).max() < 1e-9
