from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from ecgbench import Comparison, EcgWindows, Splits
from ecgbench.metrics.attacks import DomiasConfig
from ecgbench.metrics.attacks.domias import domias
from tests.metrics.attacks.conftest import flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Score
    from tests.metrics.privacy.conftest import Cell


def score(comparison: Comparison, components: int = 8) -> Score:
    return domias(comparison, DomiasConfig(components=components))


@pytest.mark.parametrize("leads", [1, 2])
def test_it_is_the_ratio_of_nearest_neighbour_densities_by_brute_force(
    cell: Cell, leads: int
) -> None:
    comparison = cell(copies=0.2, noise=0.05, leads=leads)
    pca = PCA(8).fit(flat(comparison, "auxiliary"))
    synthetic, auxiliary = (
        pca.transform(flat(comparison, side)) for side in ("synthetic", "auxiliary")
    )
    ratios = []
    for side in ("train", "control"):
        x = pca.transform(flat(comparison, side))
        density = [
            1 / (len(sample) * cdist(x, sample).min(axis=1) ** 8)
            for sample in (synthetic, auxiliary)
        ]
        ratios.append(density[0] / density[1])
    member = np.repeat([1, 0], [len(part) for part in ratios])
    area = roc_auc_score(member, np.concatenate(ratios))
    assert score(comparison).value == pytest.approx(area)


def windows(points: NDArray[np.float64]) -> EcgWindows:
    return EcgWindows(
        signals=points[:, None, :].astype(np.float32),
        labels=np.zeros(len(points), dtype=np.int64),
        patients=np.arange(len(points)) % 7,
        sampling_rate=125.0,
        leads=("II",),
        classes=("N",),
    )


def test_it_finds_what_is_known_of_two_normal_distributions() -> None:
    """A generator that is narrower than the population, about which its members lie.

    Members are drawn from what the generator draws, N(0, σ² I), non-members from the population,
    N(0, I), in the plane.  The true log-ratio of the densities falls with ‖x‖, and the best attack has
    the area P(‖member‖ < ‖non-member‖) = 1 / (1 + σ²), for the squared norms are exponential.
    """
    rng = np.random.default_rng(5)
    count, sigma = 4000, 0.6
    draw = [rng.standard_normal((count, 2)) for _ in range(4)]
    comparison = Comparison(
        synthetic=windows(sigma * draw[0]),
        splits=Splits(
            train=windows(sigma * draw[1]),
            control=windows(draw[2]),
            auxiliary=windows(draw[3]),
            fresh=windows(draw[3]),
            test=windows(draw[3][:0]),
            fold=0,
        ),
        seed=0,
        headline_classes=("N",),
    )
    # a nearest-neighbour density is noisy: it takes the place of ‖x‖ with an error of its own
    noise = np.log(rng.exponential(size=(2, 2, count)))
    best = 1 / (1 + sigma**2)
    truth = [
        0.5 * np.sum(x**2, axis=1) * (1 - 1 / sigma**2) - error[0] + error[1]
        for x, error in zip((sigma * draw[1], draw[2]), noise, strict=True)
    ]
    member = np.repeat([1, 0], count)
    expected = roc_auc_score(member, np.concatenate(truth))
    found = score(comparison, 2).value
    assert found == pytest.approx(expected, abs=0.015)
    assert 0.5 < found < best


def test_windows_that_are_in_both_samples_are_no_trouble(cell: Cell) -> None:
    comparison = cell(copies=1)
    found = score(comparison)
    assert found.value == pytest.approx(1)
    assert np.isfinite(list(found.parts.values())).all()
