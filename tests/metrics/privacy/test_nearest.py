"""The search for the nearest windows over alignments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from ecgbench.metrics.privacy import CopiedShareConfig, disguises
from ecgbench.metrics.privacy import nearest as search
from ecgbench.metrics.privacy.disguises import spaces
from ecgbench.metrics.privacy.nearest import nearest
from tests.metrics.privacy.conftest import beats, compare, moved

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

    Signals = NDArray[np.floating]


def test_the_search_finds_what_all_pairs_in_a_dense_grid_of_alignments_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    splits = beats()
    signals = moved(splits.fresh.signals[:40], 1.7, 1.02).astype(np.float32)
    comparison = compare(splits, signals)
    real = np.concatenate([splits.train.signals, splits.control.signals])
    aligned = CopiedShareConfig(spaces=("aligned",))
    found = nearest(spaces(comparison, aligned), signals, real)["aligned"]
    monkeypatch.setattr(disguises, "STEP", 0.001)
    monkeypatch.setattr(disguises, "SPEEDS", 13)
    [dense] = spaces(compare(splits, signals), aligned)
    views, points = dense.points(signals), dense.points_as_they_are(real)
    least = np.min([cdist(each, points) for speed in views for each in speed], axis=0)
    of_found = least[np.arange(len(signals)), found.indices]
    assert np.mean(of_found < 1.1 * least.min(axis=1)) > 0.9
    first, second = np.sort(least, axis=1)[:, :2].T
    assert np.corrcoef(np.log(second / first), found.isolation)[0, 1] > 0.8


def test_a_search_passes_all_pairs_a_fixed_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, distances = [0], search._squared_distances

    def counted(windows: Signals, points: Signals, *rest: NDArray[np.float64]) -> Signals:
        pairs[0] += len(windows) * len(points)
        return distances(windows.astype(np.float32), points.astype(np.float32), *rest)

    monkeypatch.setattr(search, "_squared_distances", counted)
    splits = beats()
    real = np.concatenate([splits.train.signals, splits.control.signals])
    for space in spaces(compare(splits, splits.fresh.signals), CopiedShareConfig()):
        pairs[0] = 0
        nearest([space], splits.fresh.signals, real)
        views = 3 * 7 if space.views is not None else 0  # of some real windows, here all
        most = 1 + search.ALIGNMENTS + views if views else 1
        assert pairs[0] <= most * len(splits.fresh) * len(real)
