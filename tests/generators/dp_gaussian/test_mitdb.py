"""On real beats: less privacy, a better model and more for an attack to find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from ecgbench import Context, EcgWindows, Splits
from ecgbench.generators.dp_gaussian import DpPcaGaussianConfig
from ecgbench.generators.dp_gaussian.model import DpPcaGaussian
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split
from tests.shipped import load, shipped

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
MITDB = shipped("mitdb")


@pytest.fixture(scope="module")
def splits(data_dir: Path) -> Splits:
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return split(number(load(MITDB, folder)), 0, MITDB.halves)


def draw(train: EcgWindows, labels: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """Shape (window, sample of any lead)."""
    context = Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
    )
    generator = DpPcaGaussian(DpPcaGaussianConfig(epsilon=epsilon))
    generator.fit(train, context)
    return flat(generator.sample(labels, context))


def flat(windows: EcgWindows) -> np.ndarray:
    return windows.signals.reshape(len(windows), -1).astype(float)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Wasserstein distance of the Gaussians with these moments (mV²)."""
    a, b = np.cov(first.T), np.cov(second.T)
    cross = np.real(sqrtm(a @ b + 1e-9 * np.eye(len(a))))
    return float(np.sum((first.mean(0) - second.mean(0)) ** 2) + np.trace(a + b - 2 * cross))


def test_moments_come_nearer_to_those_of_real_beats(splits: Splits) -> None:
    real = splits.control
    errors = []
    for epsilon in (0.1, 1.0, 10.0, 100.0):
        drawn = draw(splits.train, real.labels, epsilon, 0)
        errors.append(
            np.mean(
                [
                    distance(drawn[real.labels == label], flat(real)[real.labels == label])
                    for label in range(3)
                ]
            )
        )
    assert (np.diff(errors) < 0).all(), errors
    assert errors[2] < 0.35 * errors[0]


def test_an_attack_on_few_beats_finds_less_as_epsilon_falls(splits: Splits) -> None:
    def attack(epsilon: float, seed: int) -> float:
        order = np.random.default_rng(seed).permutation(len(splits.train))
        train, others = splits.train.take(order[:60]), splits.train.take(order[60:1060])
        drawn = draw(train, splits.fresh.labels[:1000], epsilon, seed)
        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(drawn)
        distances = search.kneighbors(np.concatenate([flat(train), flat(others)]))[0][:, 0]
        return float(roc_auc_score(np.arange(len(distances)) < len(train), -distances))

    without, much = (
        np.array([attack(epsilon, seed) for seed in range(16)]) for epsilon in (1e6, 0.1)
    )
    assert without.mean() - much.mean() > 0.05
    assert much.mean() == pytest.approx(0.5, abs=0.03)
