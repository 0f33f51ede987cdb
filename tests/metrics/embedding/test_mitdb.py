"""On real beats: fresh ones read as an ideal generator, faults less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ecgbench import Comparison
from ecgbench.contracts.comparison import Once
from ecgbench.generators.doses.replace import REPLACEMENTS
from ecgbench.harness.data import physionet
from ecgbench.harness.data.split import number, split, subsample
from ecgbench.metrics.embedding import EmbeddingConfig, ecgbench_metrics
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
METRICS = {s.name: s for s in ecgbench_metrics() if s.name != "classifier-two-sample"}
MITDB = shipped("mitdb")


@pytest.fixture(scope="module")
def found(data_dir: Path) -> dict[str, dict[str, float]]:
    """The values of each row."""
    assert MITDB.source is not None
    folder = physionet.find(MITDB.source, data_dir)
    if folder is None:
        pytest.skip("ECGBENCH_DATA_DIR holds no mitdb")
    splits = split(subsample(number(load(MITDB, folder)), 6000), 0, MITDB.halves)
    signals, once = splits.fresh.signals, Once()
    white = signals.std() * np.random.default_rng(0).standard_normal(signals.shape)
    rows = {
        "fresh": signals,
        "noise": signals + 0.1 * white,
        "more noise": signals + 0.3 * white,
        "smoothing": gaussian_filter1d(signals, 1, axis=2),
        "shift": np.roll(signals, 2, axis=2),
        "repetition": signals[np.arange(len(signals)) // 10 * 10],
        "white noise": white,
    }
    for fault in ("outliers", "collapse-outliers", "mode-collapse"):
        rng = np.random.default_rng(1)
        rows[fault] = REPLACEMENTS[fault](splits.fresh, splits.train, 1.0, rng)
    values: dict[str, dict[str, float]] = {}
    for row, made in rows.items():
        comparison = Comparison(
            synthetic=splits.fresh.synthetic(made, splits.fresh.labels),
            splits=splits,
            seed=0,
            headline_classes=MITDB.headline_classes,
            once_per_seed=once,
        )
        scores = {name: spec.load()(comparison, spec.config()) for name, spec in METRICS.items()}
        values[row] = {name: score.value for name, score in scores.items()}
        values[row]["in-synthetic-balls"] = scores["recall"].parts["in-synthetic-balls"]
        parts = METRICS["frechet-distance"].load()(comparison, EmbeddingConfig()).parts
        assert parts["encoder-class-accuracy"] > 0.93
        assert parts["encoder-person-accuracy"] > 0.9
    return values


def test_fresh_windows_read_the_ideal(found: dict[str, dict[str, float]]) -> None:
    fresh = found["fresh"]
    assert fresh["kernel-distance"] == pytest.approx(0, abs=0.03)
    assert fresh["density"] == pytest.approx(1, abs=0.2)
    assert fresh["coverage"] == pytest.approx(0.97, abs=0.02)
    assert min(fresh["precision"], fresh["recall"]) > 0.93


@pytest.mark.parametrize("fault", ["noise", "smoothing", "shift"])
def test_faults_cost_fidelity(found: dict[str, dict[str, float]], fault: str) -> None:
    fresh, worse = found["fresh"], found[fault]
    assert worse["frechet-distance"] > 3 * fresh["frechet-distance"]
    assert worse["kernel-distance"] > 0.1
    assert worse["density"] < 0.8
    assert worse["precision"] < fresh["precision"] - 0.05


def test_more_noise_costs_more(found: dict[str, dict[str, float]]) -> None:
    for name, spec in METRICS.items():
        values = [found[row][name] for row in ("fresh", "noise", "more noise")]
        assert values == sorted(values, reverse=spec.better == "higher")


def test_repetition_costs_diversity_and_little_precision(
    found: dict[str, dict[str, float]],
) -> None:
    fresh, repeated = found["fresh"], found["repetition"]
    assert repeated["recall"] < 0.2
    assert repeated["coverage"] < 0.6
    assert repeated["precision"] > fresh["precision"] - 0.1


def test_wild_and_collapsed_windows_are_not_diverse(found: dict[str, dict[str, float]]) -> None:
    for row in ("white noise", "outliers", "collapse-outliers", "mode-collapse"):
        assert max(found[row]["recall"], found[row]["coverage"]) < 0.1
        assert found[row]["recall"] < found["more noise"]["recall"] - 0.1
    # the balls of outliers hold real windows unlike them
    assert found["collapse-outliers"]["in-synthetic-balls"] > 0.15


def test_white_noise_is_worst(found: dict[str, dict[str, float]]) -> None:
    looks = ("fresh", "noise", "more noise", "smoothing", "shift", "repetition", "white noise")
    for name in ("frechet-distance", "kernel-distance", "density", "coverage"):
        values = {row: found[row][name] for row in looks}
        worst = max if METRICS[name].better == "lower" else min
        assert worst(values, key=values.__getitem__) == "white noise"
