"""The metric on real beats of four classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Comparison, Score
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics.morphology import MorphologyConfig
from ecgbench.metrics.morphology.morphology import morphology
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
MITDB = shipped("mitdb")


@pytest.fixture(scope="module")
def beats(data_dir: Path) -> EcgWindows:
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return subsample(number(load(MITDB, folder)), 10_000)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_tells_real_beats_from_worse_ones(beats: EcgWindows, seed: int) -> None:
    splits = split(beats, seed, MITDB.halves)
    fresh = splits.fresh
    noise = fresh.signals.std() * np.random.default_rng(0).standard_normal(fresh.signals.shape)

    def score(signals: np.ndarray) -> Score:
        comparison = Comparison(
            synthetic=fresh.synthetic(signals, fresh.labels),
            splits=splits,
            seed=seed,
            headline_classes=MITDB.headline_classes,
        )
        return morphology(comparison, MorphologyConfig())

    real = score(fresh.signals)
    assert real.value < 0.1
    assert real.parts["detected-real"] > 0.99
    assert real.parts["qrs-width"] < 4
    little, much = score(fresh.signals + 0.1 * noise), score(fresh.signals + 0.3 * noise)
    assert real.value < little.value < much.value < 2
    assert score(noise).value > 4.8
    assert 2 * real.value < score(1.2 * fresh.signals).value < 0.5
