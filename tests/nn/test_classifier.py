"""The shared classifier."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgbench.nn import Classifier, ClassifierConfig
from ecgbench.nn.classifier import _Distortion

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


def test_it_tells_what_comes_early_from_what_comes_late() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    signals = 0.2 * rng.standard_normal((400, 1, 64)).astype(np.float32)
    for row, label in enumerate(labels):
        signals[row, 0, 12 + 32 * label : 20 + 32 * label] += np.hanning(8).astype(np.float32)
    found = Classifier(1, 2, QUICK, seed=0).fit(signals[:300], labels[:300])
    assert (found.probabilities(signals[300:]).argmax(axis=1) == labels[300:]).mean() > 0.95


def distorted(
    signals: np.ndarray, *, gain: float = 0, stretch: float = 0, shift: float = 0
) -> np.ndarray:
    config = ClassifierConfig(gain=gain, stretch=stretch, shift=shift)
    return _Distortion(config, seed=0)(torch.from_numpy(signals)).numpy()


def test_windows_are_amplified_moved_and_stretched_as_asked_and_no_more() -> None:
    signals, _ = windows(300, 0)
    assert np.array_equal(distorted(signals), signals)

    gain = distorted(signals, gain=0.2) / signals
    assert gain.std(axis=2) == pytest.approx(0, abs=1e-4)
    assert np.log(gain[:, 0, 0]).std() == pytest.approx(0.2, rel=0.15)

    ramps = np.tile(np.arange(64, dtype=np.float32), (300, 2, 1))  # each value is its own time
    moved = distorted(ramps, shift=0.1)
    assert np.array_equal(moved[:, 0], moved[:, 1])
    by = (moved - ramps)[:, 0, 20:44]
    assert by.std(axis=1) == pytest.approx(0, abs=1e-4)
    assert 6 < np.abs(by).max() <= 6.4

    stretched = distorted(ramps, stretch=0.1)[:, 0]
    assert stretched[:, 31:33].mean(axis=1) == pytest.approx(31.5, abs=1e-4)
    speed = np.log(stretched[:, 40] - stretched[:, 39])
    assert speed.std() == pytest.approx(0.1, rel=0.15)
    assert stretched.min() >= 0
    assert stretched.max() <= 63


def test_what_other_people_do_louder_is_known_again_after_distortion() -> None:
    """Class 1 is twice as fast; the people trained on were half as loud as those tested on."""
    signals, labels = windows(600, 0, rare=0.5)
    louder, truth = windows(300, 1, rare=0.5)
    accuracy = [
        (
            Classifier(1, 2, ClassifierConfig(steps=60, batch=32, width=4, gain=gain), seed=0)
            .fit(signals, labels)
            .probabilities(2 * louder)
            .argmax(axis=1)
            == truth
        ).mean()
        for gain in (0.0, 0.5)
    ]
    assert accuracy[1] > 0.9
    assert accuracy[1] >= accuracy[0]
