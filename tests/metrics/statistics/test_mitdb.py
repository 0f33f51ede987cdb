"""The sight of each metric for known doses on real beats, and its known blind spots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ecgbench import Comparison
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics.statistics import ecgbench_metrics
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench import EcgWindows

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
METRICS = {spec.name: spec for spec in ecgbench_metrics()}
MITDB = shipped("mitdb")


@pytest.fixture(scope="module")
def beats(data_dir: Path) -> EcgWindows:
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return subsample(number(load(MITDB, folder)), 6000)


def noise(signals: np.ndarray, dose: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.asarray(signals + dose * signals.std() * rng.standard_normal(signals.shape))


def gain(signals: np.ndarray, dose: float) -> np.ndarray:
    return signals * (1 + dose)


def smoothing(signals: np.ndarray, dose: float) -> np.ndarray:
    return np.asarray(gaussian_filter1d(signals, dose, axis=2) if dose else signals)


def shift(signals: np.ndarray, dose: float) -> np.ndarray:
    return np.roll(signals, int(dose), axis=2)


def tilt(signals: np.ndarray, dose: float) -> np.ndarray:
    frequencies = np.fft.rfftfreq(signals.shape[2], 1 / 100)
    response = (np.maximum(frequencies, frequencies[1]) / 10) ** dose
    return np.fft.irfft(np.fft.rfft(signals) * response, signals.shape[2])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("name", "change", "doses"),
    [
        ("marginal-distribution-difference", noise, (0, 0.1, 0.2, 0.5)),
        ("marginal-distribution-difference", gain, (0, 0.1, 0.2, 0.5)),
        ("marginal-distribution-difference", smoothing, (0, 1, 2, 4)),
        ("marginal-distribution-difference", tilt, (0, 0.1, 0.2, 0.5)),
        ("marginal-distribution-difference", shift, (0, 1, 2, 4, 8)),
        ("autocorrelation-difference", noise, (0, 0.2, 0.5)),
        ("autocorrelation-difference", gain, (0, 0.1, 0.2, 0.5)),
        ("autocorrelation-difference", smoothing, (0, 1, 2, 4)),
        ("autocorrelation-difference", shift, (0, 2, 4, 8)),
        ("skewness-difference", shift, (0, 2, 4)),
        ("kurtosis-difference", shift, (0, 4, 8)),
        ("sliced-wasserstein", noise, (0, 0.2, 0.5)),
        ("sliced-wasserstein", gain, (0, 0.1, 0.2, 0.5)),
        ("sliced-wasserstein", smoothing, (0, 1, 2, 4)),
        ("sliced-wasserstein", tilt, (0, 0.1, 0.2, 0.5)),
        ("sliced-wasserstein", shift, (0, 1, 2, 4)),
        ("log-spectral-distance", noise, (0, 0.05, 0.1, 0.2, 0.5)),
        ("log-spectral-distance", gain, (0, 0.05, 0.1, 0.2, 0.5)),
        ("log-spectral-distance", smoothing, (0, 0.5, 1, 2, 4)),
        ("log-spectral-distance", tilt, (0, 0.05, 0.1, 0.2, 0.5)),
    ],
)
def test_it_answers_to_the_dose(
    beats: EcgWindows,
    seed: int,
    name: str,
    change: Callable[[np.ndarray, float], np.ndarray],
    doses: tuple[float, ...],
) -> None:
    splits = split(beats, seed, MITDB.halves)
    spec, values = METRICS[name], []
    for dose in doses:
        signals = change(splits.fresh.signals.astype(float), dose)
        comparison = Comparison(
            synthetic=splits.fresh.synthetic(signals, splits.fresh.labels),
            splits=splits,
            seed=seed,
            headline_classes=MITDB.headline_classes,
        )
        values.append(spec.load()(comparison, spec.config(**spec.smoke)).value)
    assert values == sorted(values)
    assert values[-1] > 1.4 * values[0]
