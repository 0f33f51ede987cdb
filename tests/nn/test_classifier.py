"""The classifier that metrics share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgbench.nn import Classifier, ClassifierConfig

QUICK = ClassifierConfig(steps=60, batch=32, width=4)


def windows(n: int, seed: int, rare: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Sines of one period or of two, the second rare."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < rare).astype(np.int64)
    time = np.linspace(0, 1, 64)
    phase = rng.random((n, 1))
    signals = np.sin(2 * np.pi * ((1 + labels[:, None]) * time + phase))
    signals += 0.2 * rng.standard_normal(signals.shape)
    return signals[:, None].astype(np.float32), labels


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return Classifier(1, 2, QUICK, seed=0).fit(*windows(600, 0))


def test_it_learns_a_rare_class_and_says_probabilities(fitted: Classifier) -> None:
    signals, labels = windows(400, 1)
    probabilities = fitted.probabilities(signals)
    assert probabilities.shape == (400, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    found = probabilities.argmax(axis=1)
    assert (found == labels)[labels == 0].mean() > 0.9
    assert (found == labels)[labels == 1].mean() > 0.9


def test_the_same_seed_gives_the_same_bytes_and_the_global_state_is_left_alone(
    fitted: Classifier,
) -> None:
    before = torch.get_rng_state()
    again = Classifier(1, 2, QUICK, seed=0).fit(*windows(600, 0))
    other = Classifier(1, 2, QUICK, seed=1).fit(*windows(600, 0))
    assert torch.equal(torch.get_rng_state(), before)
    signals, _ = windows(50, 2)
    assert np.array_equal(again.probabilities(signals), fitted.probabilities(signals))
    assert not np.array_equal(other.probabilities(signals), fitted.probabilities(signals))


def test_a_restored_classifier_is_the_same(fitted: Classifier) -> None:
    restored = Classifier(1, 2, QUICK, seed=5).restore(fitted.state())
    signals, _ = windows(50, 2)
    assert np.array_equal(restored.probabilities(signals), fitted.probabilities(signals))


def test_units_do_not_matter_and_no_windows_give_no_rows(fitted: Classifier) -> None:
    signals, labels = windows(600, 0)
    scaled = Classifier(1, 2, QUICK, seed=0).fit(1000 * signals, labels)
    assert scaled.probabilities(1000 * signals[:20]) == pytest.approx(
        fitted.probabilities(signals[:20]), abs=0.02
    )
    assert fitted.probabilities(signals[:0]).shape == (0, 2)
