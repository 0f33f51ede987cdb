from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ecgbench import Context, EcgWindows
from ecgbench.generators.autoregressive import ArConfig, ecgbench_generators
from ecgbench.generators.autoregressive.model import Ar, autoregression, log_likelihood

LENGTH = 12


def windows(signals: np.ndarray, labels: np.ndarray) -> EcgWindows:
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("I", "II")[: signals.shape[1]],
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


def draw(model: Ar, real: EcgWindows, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    model.fit(real, context(seed))
    synthetic = model.sample(labels, context(seed))
    assert synthetic.problem() is None
    np.testing.assert_array_equal(synthetic.labels, labels)
    return synthetic.signals.astype(float)


def run(coefficients: list[np.ndarray], count: int, scale: np.ndarray, seed: int = 0) -> np.ndarray:
    """Windows of a stationary autoregression, all leads at once, with innovations of a scale by place."""
    rng = np.random.default_rng(seed)
    leads = len(coefficients[0])
    lead_in = 200
    scales = np.concatenate([np.full(lead_in, scale[0]), scale])
    signals = np.zeros((len(scales), count, leads))
    for place, deviation in enumerate(scales):
        signals[place] = deviation * rng.standard_normal((count, leads))
        for lag, matrix in enumerate(coefficients, start=1):
            if place >= lag:
                signals[place] += signals[place - lag] @ matrix.T
    return signals[lead_in:].transpose(1, 2, 0)


def test_known_coefficients_and_variances_come_back_at_each_place() -> None:
    scale = 1 + np.arange(LENGTH) / LENGTH
    known = [np.array([[1.2]]), np.array([[-0.5]])]
    real = windows(run(known, 40_000, scale) + 3, np.zeros(40_000, dtype=np.int64))
    model = Ar(ArConfig(order=8))
    model.fit(real, context())
    of = model.classes[0]
    np.testing.assert_allclose(of.means, 3, atol=0.1)
    for place in range(2, LENGTH):
        assert of.coefficients[place].shape == (1, 2)  # the order is that of the windows
        np.testing.assert_allclose(of.coefficients[place], [[-0.5, 1.2]], atol=0.03)
        assert of.innovations[place, 0, 0] == pytest.approx(scale[place] ** 2, rel=0.03)


def test_leads_are_regressed_on_each_other() -> None:
    known = [np.array([[0.5, 0.4], [0.0, 0.7]])]
    signals = run(known, 40_000, np.ones(LENGTH))
    model = Ar(ArConfig(order=4))
    model.fit(windows(signals, np.zeros(40_000, dtype=np.int64)), context())
    for coefficients in model.classes[0].coefficients[1:]:
        np.testing.assert_allclose(coefficients, known[0], atol=0.02)


def covariance(size: int, seed: int = 0) -> np.ndarray:
    factors = np.random.default_rng(seed).standard_normal((size, 2 * size))
    return factors @ factors.T / size


@pytest.mark.parametrize("order", [1, 3])
def test_draws_have_the_covariances_up_to_the_order(order: int) -> None:
    rng = np.random.default_rng(0)
    true = covariance(LENGTH)
    signals = rng.multivariate_normal(np.arange(LENGTH), true, 400)[:, None]
    real = windows(signals, np.zeros(400, dtype=np.int64))
    model = Ar(ArConfig(order=order))
    model.fit(real, context())
    exact = autoregression(np.arange(LENGTH, dtype=float), np.cov(signals[:, 0].T), 1, order)
    model.classes[0] = exact
    sampled = model.sample(np.zeros(60_000, dtype=np.int64), context()).signals[:, 0].astype(float)
    near = np.abs(np.subtract.outer(np.arange(LENGTH), np.arange(LENGTH))) <= order
    error = np.cov(sampled.T) - np.cov(signals[:, 0].T)
    assert np.abs(error[near]).max() < 0.05
    assert np.abs(error[~near]).max() > 0.2  # beyond, the model is not the data's
    np.testing.assert_allclose(np.linalg.inv(np.cov(sampled.T))[~near], 0, atol=0.05)


@pytest.mark.parametrize("leads", [1, 2])
def test_of_full_order_the_density_is_that_of_the_gaussian(leads: int) -> None:
    mean, true = np.arange(LENGTH, dtype=float), covariance(LENGTH)
    values = np.random.default_rng(1).standard_normal((5, LENGTH)) + mean
    of = autoregression(mean, true, leads, LENGTH)
    expected = multivariate_normal(mean, true).logpdf(values)
    found = log_likelihood(of, values.reshape(5, -1, leads))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_classes_have_orders_of_their_own() -> None:
    signals = np.concatenate(
        [
            run([np.array([[0.9]])], 4000, np.ones(LENGTH)),
            run([*[np.zeros((1, 1))] * 3, np.array([[0.9]])], 4000, np.ones(LENGTH)),
        ]
    )
    model = Ar(ArConfig(order=8))
    model.fit(windows(signals, np.repeat([0, 1], 4000)), context())
    orders = [of.coefficients[-1].shape[1] for of in model.classes.values()]
    assert orders[0] < 4  # one more coefficient costs next to nothing among so many windows
    assert orders[1] == 4


def test_a_class_of_one_window_takes_order_and_covariance_of_the_others() -> None:
    normal = run([np.array([[0.9]])], 2000, np.ones(LENGTH))
    real = windows(np.concatenate([normal, normal[:1] + 50]), np.repeat([0, 1], (2000, 1)))
    model = Ar(ArConfig(order=4))
    sampled = draw(model, real, np.ones(20_000, dtype=np.int64))
    np.testing.assert_allclose(sampled.mean(axis=0), real.signals[2000], atol=0.1)
    expected = np.cov(normal[:, 0].T)
    np.testing.assert_allclose(np.cov(sampled[:, 0].T), expected, atol=0.06 * expected.max())
    assert model.classes[1].coefficients[-1].shape == model.classes[0].coefficients[-1].shape


def test_a_class_that_train_lacks_is_drawn_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signals = np.random.default_rng(0).standard_normal((400, 1, LENGTH))
    labels = np.repeat([0, 1], (300, 100))
    real = windows(signals + 4 * labels[:, None, None], labels)
    with caplog.at_level(logging.WARNING):
        sampled = draw(Ar(ArConfig()), real, np.full(4000, 2))
    assert caplog.messages == [
        "train has no window of class V: the 4000 asked for are of any class"
    ]
    assert sampled.mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_equal_windows_are_modelled(count: int) -> None:
    labels = np.zeros(count, dtype=np.int64)
    real = windows(np.ones((count, 2, LENGTH)), labels)
    np.testing.assert_allclose(draw(Ar(ArConfig()), real, labels), 1.0, atol=1e-3)


def test_windows_without_power_in_a_band_are_drawn_without_it() -> None:
    time = np.arange(40)
    rng = np.random.default_rng(0)
    slow = rng.standard_normal((500, 20)) @ np.cos(np.pi / 40 * np.outer(range(20), time + 0.5))
    real = windows(slow[:, None], np.zeros(500, dtype=np.int64))
    sampled = draw(Ar(ArConfig(order=32)), real, np.zeros(500, dtype=np.int64))[:, 0]
    basis = np.cos(np.pi * np.outer(np.arange(40), time + 0.5) / 40)
    power = ((sampled @ basis.T) ** 2).mean(axis=0)
    assert power[21:].max() < 1e-3 * power[:20].min()


def test_parameters_are_counted() -> None:
    model = Ar(ArConfig(order=1))
    signals = np.random.default_rng(0).standard_normal((100, 2, LENGTH))
    model.fit(windows(signals, np.arange(100) % 2), context())
    # of a class μ, Φ from the second place on, and the symmetric Q of each place
    assert model.parameters == 2 * (2 * LENGTH + 4 * (LENGTH - 1) + 3 * LENGTH)


def test_it_is_a_conditional_competitor() -> None:
    (spec,) = ecgbench_generators()
    assert spec.name == "ar"
    assert spec.conditional
    assert not spec.reference
    assert spec.load()(spec.config(**spec.smoke)).parameters == 0
