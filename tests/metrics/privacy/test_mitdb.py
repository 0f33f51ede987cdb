"""Both metrics on real beats: fresh ones, copies and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Comparison
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics import attacks, privacy
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
METRICS = {
    spec.name: spec
    for spec in (*privacy.ecgbench_metrics(), *attacks.ecgbench_metrics())
    if spec.name in ("identifiability", "membership-inference")
}
MITDB = shipped("mitdb")


@pytest.fixture(scope="module")
def beats(data_dir: Path) -> EcgWindows:
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return subsample(number(load(MITDB, folder)), 6000)


def scores(beats: EcgWindows, seed: int, row: str) -> dict[str, float]:
    splits = split(beats, seed, MITDB.halves)
    rng = np.random.default_rng(seed)
    signals = splits.fresh.signals
    if row != "fresh":
        signals = splits.train.signals[rng.permutation(len(splits.train))[: len(splits.fresh)]]
    if row == "noise":
        signals = signals.std() * rng.standard_normal(signals.shape)
    comparison = Comparison(
        synthetic=splits.train.synthetic(signals, splits.fresh.labels),
        splits=splits,
        seed=seed,
        headline_classes=MITDB.headline_classes,
    )
    return {name: spec.load()(comparison, spec.config()).value for name, spec in METRICS.items()}


@pytest.mark.parametrize("row", ["fresh", "noise"])
def test_nothing_memorised_reads_the_ideal_in_both_folds(beats: EcgWindows, row: str) -> None:
    found = [scores(beats, seed, row) for seed in range(8)]
    for name, spec in METRICS.items():
        values = [each[name] for each in found]
        assert np.mean(values) == pytest.approx(spec.ideal, abs=0.02)


def test_copies_read_far_from_it_in_both_folds(beats: EcgWindows) -> None:
    for seed in (0, 1):
        found = scores(beats, seed, "copies")
        assert found["identifiability"] > 0.1
        assert found["membership-inference"] > 0.6
