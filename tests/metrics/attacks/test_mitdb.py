"""All attacks on real beats: fresh ones, copies and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench import Comparison
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics import attacks
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows

    Values = dict[str, list[float]]

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
NAMES = (
    "membership-inference",
    "calibrated-membership-inference",
    "monte-carlo-membership-inference",
    "domias",
    "waveform-inference",
    "attribute-inference",
    "authenticity",
    "dcr-share",
    "nndr",
)
SPECS = {spec.name: spec for spec in attacks.ecgbench_metrics() if spec.name in NAMES}
MITDB = shipped("mitdb")
SEEDS = range(12)
TOLERANCE = {
    "attribute-inference": 0.1,  # its value has a deviation of .11 over seeds
    "authenticity": 0.03,
}
"""Tolerance of the mean over seeds about the ideal if nothing was memorised; .02 for the others."""


@pytest.fixture(scope="module")
def beats(data_dir: Path) -> EcgWindows:
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    return subsample(number(load(MITDB, folder)), 6000)


@pytest.fixture(scope="module")
def scores(beats: EcgWindows) -> dict[str, Values]:
    """Of each row, by metric, the values over seeds of both folds."""
    found: dict[str, Values] = {}
    for row in ("fresh", "noise", "copies"):
        cells = [comparison(beats, seed, row) for seed in SEEDS]
        found[row] = {
            name: [spec.load()(cell, spec.config()).value for cell in cells]
            for name, spec in SPECS.items()
        }
    return found


def comparison(beats: EcgWindows, seed: int, row: str) -> Comparison:
    splits = split(beats, seed, MITDB.halves)
    rng = np.random.default_rng(seed)
    made = splits.fresh
    if row == "copies":
        made = splits.train.take(rng.permutation(len(splits.train))[: len(made)])
    signals = made.signals
    if row == "noise":
        signals = splits.train.signals.std() * rng.standard_normal(signals.shape)
    return Comparison(
        synthetic=splits.train.synthetic(signals, made.labels),
        splits=splits,
        seed=seed,
        headline_classes=MITDB.headline_classes,
    )


@pytest.mark.parametrize("row", ["fresh", "noise"])
@pytest.mark.parametrize("name", SPECS)
def test_nothing_memorised_reads_the_ideal(scores: dict[str, Values], name: str, row: str) -> None:
    if (name, row) == ("dcr-share", "noise"):
        pytest.skip("all of white noise has one nearest real window")
    found = np.mean(scores[row][name])
    assert found == pytest.approx(SPECS[name].ideal, abs=TOLERANCE.get(name, 0.02))


@pytest.mark.parametrize("name", SPECS)
def test_copies_read_worse_than_fresh_windows_in_both_folds(
    scores: dict[str, Values], name: str
) -> None:
    sign = 1 if SPECS[name].better == "lower" else -1
    worse = sign * (np.array(scores["copies"][name]) - np.array(scores["fresh"][name]))
    expected = {"nndr": 0.08, "monte-carlo-membership-inference": 0.05}.get(name, 0.1)
    assert min(worse[::2].mean(), worse[1::2].mean()) > expected


def test_the_share_that_was_copied_is_caught_without_false_alarms(beats: EcgWindows) -> None:
    cell = comparison(beats, 0, "copies")
    copied = len(cell.synthetic) / len(cell.splits.train)
    for name in ("membership-inference", "domias"):
        parts = SPECS[name].load()(cell, SPECS[name].config()).parts
        assert parts["tpr-0.01"] == pytest.approx(copied, abs=0.02)
        assert parts["tpr-0.001"] == pytest.approx(copied, abs=0.02)
        assert parts["residual-risk"] == pytest.approx(copied, abs=0.02)
    spec = SPECS["waveform-inference"]
    assert spec.load()(cell, spec.config()).value == pytest.approx(copied, abs=0.05)
