"""The definitions, against closed forms and independent implementations."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ecgbench.metrics.fidelity import MmdConfig
from ecgbench.metrics.fidelity.dtw import dtw
from ecgbench.metrics.fidelity.mmd import QUANTILES, mmd
from ecgbench.metrics.fidelity.overlap import overlap

if TYPE_CHECKING:
    from tests.metrics.fidelity.conftest import Cell


def test_dtw_in_a_band_of_nothing_is_the_euclidean_distance_and_forgives_a_shift() -> None:
    time = np.arange(40)
    pulse, later = (np.exp(-0.5 * ((time - at) / 2) ** 2)[None, None] for at in (15, 18))
    pulse, later = pulse.astype(np.float32), later.astype(np.float32)
    apart = np.linalg.norm(pulse - later)
    assert dtw(pulse, later, 0)[0] == pytest.approx(apart, rel=1e-6)
    assert dtw(pulse, later, 4)[0] < 0.05 * apart


def test_mmd_is_the_unbiased_estimate_of_the_paper_over_the_most_it_can_be(cell: Cell) -> None:
    comparison = cell("noisy", sigma=0.5)
    x = comparison.splits.control.signals.reshape(len(comparison.splits.control), -1).astype(float)
    y = comparison.synthetic.signals.reshape(len(comparison.synthetic), -1).astype(float)
    xx, yy, xy = cdist(x, x), cdist(y, y), cdist(x, y)
    pairs = xx[np.triu_indices(len(x), 1)]
    wanted = 0.0
    for sigma in np.quantile(pairs[pairs > 0], QUANTILES):
        a, b, c = (np.exp(-(d**2) / (2 * sigma**2)) for d in (xx, yy, xy))
        n, m = len(x), len(y)
        within = (a.sum() - n) / (n * (n - 1))
        estimate = within + (b.sum() - m) / (m * (m - 1)) - 2 * c.mean()
        most = within + (b.sum() - m) / (m * (m - 1))
        wanted += estimate / most / len(QUANTILES)
    found = mmd(comparison, MmdConfig(windows=100_000, permutations=20))
    assert found.value == pytest.approx(wanted, rel=2e-3, abs=2e-4)


def test_mmd_of_independent_draws_is_nought_on_average(cell: Cell) -> None:
    comparison = cell("fresh")
    pool = np.concatenate([comparison.splits.control.signals, comparison.splits.fresh.signals])
    count = len(comparison.splits.fresh)
    values = []
    for seed in range(12):
        drawn = pool[np.random.default_rng(seed).permutation(len(pool))]
        control = comparison.splits.control.take(slice(0, count))
        control = dataclasses.replace(control, signals=drawn[:count])
        splits = dataclasses.replace(comparison.splits, control=control)
        synthetic = comparison.synthetic.synthetic(drawn[-count:], comparison.synthetic.labels)
        again = dataclasses.replace(comparison, splits=splits, synthetic=synthetic, _memo={})
        values.append(mmd(again, MmdConfig(windows=100_000, permutations=1)).value)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(12)


def test_the_p_value_of_mmd_finds_noise_and_acquits_real_windows(cell: Cell) -> None:
    config = MmdConfig(windows=300, permutations=50)
    assert mmd(cell("noise"), config).parts["p"] < 0.05
    assert mmd(cell("fresh"), config).parts["p"] > 0.05


def test_overlap_of_two_known_clouds() -> None:
    rng = np.random.default_rng(3)
    values = [overlap(*rng.standard_normal((2, 800, 2))).value for _ in range(20)]
    assert np.mean(values) == pytest.approx(1, abs=0.02)  # whatever the sizes: chance is taken out
    small = [
        overlap(rng.standard_normal((800, 2)), rng.standard_normal((60, 2))).value
        for _ in range(20)
    ]
    assert np.mean(small) == pytest.approx(1, abs=0.05)
    real = rng.standard_normal((800, 2))
    assert overlap(real, real + 20).value < 0.05  # the cell beyond the edges holds a little
    half = np.concatenate([rng.standard_normal((400, 2)), rng.standard_normal((400, 2)) + 20])
    assert 0.45 < overlap(real, half).value < 0.65
