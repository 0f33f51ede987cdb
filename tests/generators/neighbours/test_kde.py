from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from ecgbench import Context, EcgWindows, principal_components
from ecgbench.generators.neighbours import KdeConfig, ecgbench_generators, kde
from ecgbench.generators.neighbours.kde import Kde

LEADS, LENGTH = 2, 4
SIZE = LEADS * LENGTH


def windows(flat: np.ndarray, labels: np.ndarray) -> EcgWindows:
    return EcgWindows(
        signals=flat.reshape(-1, LEADS, LENGTH).astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "S", "V"),
    )


def train(counts: tuple[int, ...], seed: int = 0) -> EcgWindows:
    """Correlated Gaussian windows; class c has mean 5c and 1 + c the deviation."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    mixing = rng.standard_normal((SIZE, SIZE)) / np.sqrt(SIZE)
    flat = (1 + labels[:, None]) * rng.standard_normal((len(labels), SIZE)) @ mixing
    return windows(flat + 5 * labels[:, None], labels)


def context(seed: int = 0) -> Context:
    return Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
    )


def draw(model: Kde, real: EcgWindows, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    model.fit(real, context(seed))
    synthetic = model.sample(labels, context(seed))
    assert synthetic.problem() is None
    np.testing.assert_array_equal(synthetic.labels, labels)
    return synthetic.signals.reshape(len(labels), -1).astype(float)


def test_a_draw_has_the_variance_of_the_class_and_of_the_kernel() -> None:
    real, count = train((600, 500)), 60_000
    model = Kde(KdeConfig(dimensions=SIZE))
    sampled = draw(model, real, np.repeat([0, 1], count))
    for label, own in ((0, sampled[:count]), (1, sampled[count:])):
        flat = real.signals[real.labels == label].reshape(-1, SIZE).astype(float)
        width = model.bandwidths[label]
        assert 0.2 < width < 1
        np.testing.assert_allclose(own.mean(axis=0), flat.mean(axis=0), atol=0.05)
        covariance = np.cov(flat.T)
        expected = (1 + width**2) * covariance
        np.testing.assert_allclose(np.cov(own.T), expected, atol=0.03 * np.diag(expected).max())


def test_what_the_components_leave_is_noise_of_the_class_s_covariance() -> None:
    real = train((3000,))
    flat = real.signals.reshape(-1, SIZE).astype(float)
    axes = principal_components(flat, SIZE).axes
    model = Kde(KdeConfig(dimensions=2))
    sampled = draw(model, real, np.zeros(40_000, dtype=np.int64))
    ratio = np.var(sampled @ axes.T, axis=0) / np.var(flat @ axes.T, axis=0)
    np.testing.assert_allclose(ratio[:2], 1 + model.bandwidths[0] ** 2, rtol=0.05)
    np.testing.assert_allclose(ratio[2:], 1, rtol=0.05)


@pytest.mark.parametrize("counts", [(30, 12, 1), (3, 2)])
def test_many_numbers_give_noise_of_the_same_covariance(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train(counts)
    models = []
    for most in (SIZE, SIZE - 1):
        monkeypatch.setattr(kde, "MOST_NUMBERS", most)
        models.append(Kde(KdeConfig(dimensions=2)))
        models[-1].fit(real, context())
    few, many = models
    assert many.bandwidths == few.bandwidths
    for label in range(len(counts)):
        np.testing.assert_array_equal(many.classes[label].centres, few.classes[label].centres)
        expected = few._noise(label) @ few._noise(label)
        found = many._noise(label)
        np.testing.assert_allclose(found.T @ found, expected, atol=1e-6 * expected.max())
    k, size = 2, SIZE
    each = 1 + size + k * (k + 1) // 2
    of_all = k * size + sum(counts) * k + len(counts) * each
    assert many.parameters == of_all + sum(counts) * (size - k)


def test_many_numbers_are_drawn_with_that_covariance_also_after_saving(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kde, "MOST_NUMBERS", 1)
    real = train((40, 12))
    config = KdeConfig(dimensions=2)
    model = Kde(config)
    sampled = draw(model, real, np.ones(40_000, dtype=np.int64))
    centres, noise = model.classes[1].centres, model._noise(1)
    expected = np.cov(centres.T, ddof=0) + noise.T @ noise
    np.testing.assert_allclose(np.cov(sampled.T), expected, atol=0.04 * np.diag(expected).max())
    np.testing.assert_allclose(sampled.mean(axis=0), centres.mean(axis=0), atol=0.05)
    model.save(tmp_path)
    again = Kde(config)
    again.load(tmp_path)
    labels = np.arange(50) % 2
    np.testing.assert_array_equal(
        again.sample(labels, context(3)).signals, model.sample(labels, context(3)).signals
    )


def test_strips_of_twelve_leads_are_modelled() -> None:
    rng = np.random.default_rng(0)
    real = EcgWindows(
        signals=rng.standard_normal((20, 12, 1000)).astype(np.float32),
        labels=np.arange(20) % 2,
        patients=np.zeros(20, dtype=np.int64),
        sampling_rate=100.0,
        leads=tuple(f"L{lead}" for lead in range(12)),
        classes=("N", "S"),
    )
    model = Kde(KdeConfig())
    model.fit(real, context())
    made = model.sample(np.arange(60) % 2, context())
    assert made.problem() is None
    assert made.signals.shape == (60, 12, 1000)
    assert made.signals.std() == pytest.approx(1.25, abs=0.3)  # a window, and noise of bandwidth h


@pytest.mark.parametrize("dimensions", [1, 4])
def test_the_bandwidth_of_a_gaussian_is_near_the_best_one_known(dimensions: int) -> None:
    count = 1500
    real = np.random.default_rng(0).standard_normal((count, dimensions))
    found = kde._bandwidth(real, np.eye(dimensions), count, np.random.default_rng(0))
    # Silverman 1986, equation 4.14: least mean integrated squared error
    silverman = (4 / (count * (dimensions + 2))) ** (1 / (dimensions + 4))
    assert 0.6 < found / silverman < 1.5


def test_the_bandwidth_has_the_largest_likelihood_of_left_out_windows() -> None:
    points = np.random.default_rng(1).standard_normal((300, 3)) ** 3
    covariance = np.cov(points.T)
    found = kde._bandwidth(points, covariance, 300, np.random.default_rng(0))
    inverse = np.linalg.inv(covariance)

    def likelihood(width: float) -> float:
        total = 0.0
        for index, point in enumerate(points):
            away = np.delete(points, index, axis=0) - point
            squares = np.einsum("ij,jk,ik->i", away, inverse, away) / width**2
            total += np.log(np.exp(-squares / 2).sum() / width**3)
        return total

    assert likelihood(found) > max(likelihood(found * 1.05), likelihood(found / 1.05))


def test_windows_that_come_in_pairs_ask_for_a_narrow_kernel() -> None:
    alone = np.random.default_rng(1).standard_normal((300, 4))
    near = np.concatenate([alone, alone + 1e-3])
    widths = [
        kde._bandwidth(points, np.eye(4), 300, np.random.default_rng(0)) for points in (alone, near)
    ]
    assert widths[0] > 0.2
    assert widths[1] == pytest.approx(kde.NARROWEST, rel=0.1)


@pytest.mark.parametrize("few", [1, 2])
def test_a_class_of_few_windows_takes_noise_from_the_others(few: int) -> None:
    real = train((1000, few))
    sampled = draw(Kde(KdeConfig()), real, np.ones(4000, dtype=np.int64))
    own = real.signals[1000:].reshape(few, SIZE)
    np.testing.assert_allclose(sampled.mean(axis=0), own.mean(axis=0), atol=0.15)
    assert sampled.std(axis=0).min() > 0.2


def test_a_class_that_train_lacks_is_drawn_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        sampled = draw(Kde(KdeConfig()), train((300, 100)), np.full(4000, 2))
    assert caplog.messages == [
        "train has no window of class V: the 4000 asked for are of any class"
    ]
    assert sampled.mean() == pytest.approx(5 / 4, abs=0.2)


@pytest.mark.parametrize("count", [2, 5])
def test_equal_windows_are_modelled(count: int) -> None:
    labels = np.zeros(count, dtype=np.int64)
    equal = draw(Kde(KdeConfig()), windows(np.ones(count * SIZE), labels), labels)
    np.testing.assert_allclose(equal, 1.0, atol=1e-3)


def test_parameters_are_counted() -> None:
    model = Kde(KdeConfig(dimensions=3))
    model.fit(train((40, 20)), context())
    # W, coordinates; of a class h, μ, the symmetric Σ of 3 and R of the other 5 numbers
    assert model.parameters == 3 * SIZE + 60 * 3 + 2 * (1 + SIZE + 6 + 15)


def test_both_generators_are_conditional_competitors() -> None:
    specs = list(ecgbench_generators())
    assert [spec.name for spec in specs] == ["kde", "smote"]
    for spec in specs:
        assert spec.conditional
        assert not spec.reference
        assert spec.load()(spec.config(**spec.smoke)).parameters == 0
