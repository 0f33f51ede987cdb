"""Metrics and a generator that read large windows in parts have the same results as all at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ecgbench import Context, Score, large
from ecgbench.contracts.comparison import Once
from ecgbench.contracts.config import build
from ecgbench.generators.baselines import PcaGaussianConfig
from ecgbench.generators.baselines.mixture import PcaGaussian
from ecgbench.harness.planning.catalog import discover
from ecgbench.testing import metrics
from ecgbench.testing.cohort import cohort

NAMES = (
    "attribute-inference",
    "augmentation-gain",
    "autocorrelation-difference",
    "copied-share",
    "cross-classification-boosting",
    "cross-classification-linear",
    "detection-size",
    "distance",
    "domias",
    "dtw",
    "embedding-plots",
    "identifiability",
    "inception-score",
    "kurtosis-difference",
    "marginal-distribution-difference",
    "morphology-unseen",
    "nndr",
    "skewness-difference",
    "sliced-wasserstein",
    "waveform-inference",
)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read a few windows at a time, from files where they are taken or joined."""
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(large, "LARGE", 2**14)
    monkeypatch.setattr(large, "BLOCK", 2**14)


def score(name: str) -> Score:
    spec = discover().metric(name)
    comparison = metrics.comparison("noisy-copy")
    config = build(spec.config, dict(spec.smoke), where=name)
    fresh = dataclasses.replace(comparison, _memo={}, once_per_seed=Once())
    found = spec.load()(fresh, config)
    return found if isinstance(found, Score) else Score(value=float(found))


@pytest.mark.parametrize("name", NAMES)
def test_a_score_is_that_of_whole_windows(name: str, request: pytest.FixtureRequest) -> None:
    whole = score(name)
    request.getfixturevalue("in_parts")
    found = score(name)
    assert found.value == pytest.approx(whole.value, rel=1e-5, abs=1e-7)
    assert found.parts == pytest.approx(whole.parts, rel=1e-4, abs=1e-6)
    if whole.contributions is not None:
        assert found.contributions is not None
        np.testing.assert_allclose(
            found.contributions.numerators, whole.contributions.numerators, rtol=1e-3, atol=1e-6
        )


def draw(dimensions: int) -> np.ndarray:
    splits = cohort()
    context = Context(
        seed=0,
        device="cpu",
        threads=1,
        log=lambda *_, **__: None,
        checkpoint_dir=Path(),
        fresh=None,
    )
    generator = PcaGaussian(PcaGaussianConfig(dimensions=dimensions))
    generator.fit(splits.train, context)
    return generator.sample(splits.fresh.labels, context).signals


def test_pca_gaussian_draws_what_it_draws_of_whole_windows(request: pytest.FixtureRequest) -> None:
    whole = draw(12)
    request.getfixturevalue("in_parts")
    np.testing.assert_allclose(draw(12), whole, atol=1e-5)
