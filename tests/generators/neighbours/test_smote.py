from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from ecgbench import Context, EcgWindows
from ecgbench.generators.neighbours import SmoteConfig
from ecgbench.generators.neighbours.smote import Smote

LEADS, LENGTH = 2, 5
SIZE = LEADS * LENGTH


def train(counts: tuple[int, ...], seed: int = 0) -> EcgWindows:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    signals = rng.standard_normal((len(labels), LEADS, LENGTH)) + 3 * labels[:, None, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "S", "V"),
    )


def context(seed: int = 0) -> Context:
    return Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
    )


def draw(real: EcgWindows, labels: np.ndarray, seed: int = 0, neighbours: int = 5) -> np.ndarray:
    model = Smote(SmoteConfig(neighbours=neighbours))
    model.fit(real, context(seed))
    synthetic = model.sample(labels, context(seed))
    assert synthetic.problem() is None
    np.testing.assert_array_equal(synthetic.labels, labels)
    return synthetic.signals.reshape(len(labels), -1).astype(float)


def segment(window: np.ndarray, own: np.ndarray, neighbours: int) -> tuple[float, float]:
    """Distance of a window to the nearest segment from a row to one of its neighbours, and its place."""
    best = (np.inf, np.nan)
    for first in own:
        order = np.argsort(((own - first) ** 2).sum(axis=1))[1 : neighbours + 1]
        along = own[order] - first
        part = np.clip((along @ (window - first)) / (along**2).sum(axis=1), 0, 1)
        apart = np.abs(first + part[:, None] * along - window).max(axis=1)
        best = min(best, (apart.min(), part[apart.argmin()]))
    return best


@pytest.mark.parametrize("neighbours", [1, 3])
def test_each_window_lies_between_a_window_and_a_near_one_of_its_class(neighbours: int) -> None:
    real, labels = train((20, 12)), np.arange(40) % 2
    sampled = draw(real, labels, neighbours=neighbours)
    places = []
    for window, label in zip(sampled, labels, strict=True):
        own = real.signals[real.labels == label].reshape(-1, SIZE).astype(float)
        apart, place = segment(window, own, neighbours)
        assert apart < 1e-5
        places.append(place)
    assert np.std(places) > 0.2


def test_places_along_the_segment_are_uniform() -> None:
    real = train((2,))
    first, second = real.signals.reshape(2, SIZE).astype(float)
    sampled = draw(real, np.zeros(4000, dtype=np.int64))
    along = second - first
    places = np.sort((sampled - first) @ along / (along @ along))
    # Kolmogorov's statistic; 1.63 / √n is its 1% point
    assert np.abs(places - (np.arange(4000) + 0.5) / 4000).max() < 1.63 / np.sqrt(4000)


def test_a_class_of_one_window_is_copied_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = train((30, 1))
    with caplog.at_level(logging.WARNING):
        sampled = draw(real, np.ones(5, dtype=np.int64))
    assert caplog.messages == ["class S has one training window, and smote can only copy it"]
    np.testing.assert_array_equal(sampled, np.tile(real.signals[30].reshape(1, SIZE), (5, 1)))


def test_a_class_that_train_lacks_is_drawn_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        sampled = draw(train((300, 100)), np.full(4000, 2))
    assert caplog.messages == [
        "train has no window of class V: the 4000 asked for are of any class"
    ]
    assert sampled.mean() == pytest.approx(3 / 4, abs=0.15)


def test_parameters_are_the_samples_and_the_neighbours() -> None:
    model = Smote(SmoteConfig())
    model.fit(train((40, 3, 1)), context())
    assert model.parameters == 44 * SIZE + 40 * 5 + 3 * 2 + 1
