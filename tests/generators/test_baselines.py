from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Components, Context, EcgWindows, Skip, principal_components
from ecgbench.generators.baselines import GmmConfig, PcaGaussianConfig, ecgbench_generators, mixture
from ecgbench.generators.baselines.mixture import Gmm, PcaGaussian
from ecgbench.rr_time import rr_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEADS, LENGTH = 2, 6
SIZE = LEADS * LENGTH
BOTH = pytest.mark.parametrize(
    "make", [lambda: PcaGaussian(PcaGaussianConfig()), lambda: Gmm(GmmConfig())], ids=["pca", "gmm"]
)


def windows(flat: NDArray[Any], labels: NDArray[np.int64]) -> EcgWindows:
    return EcgWindows(
        signals=flat.reshape(-1, LEADS, LENGTH).astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "S", "V", "F"),
    )


def train(counts: tuple[int, ...], seed: int = 0) -> EcgWindows:
    """Correlated Gaussian windows; class c has mean 3c in every sample and 1 + c the deviation."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((SIZE, SIZE)) / np.sqrt(SIZE)
    labels = np.repeat(np.arange(len(counts)), counts)
    flat = rng.standard_normal((len(labels), SIZE)) @ mixing
    return windows(flat * (1 + labels[:, None]) + 3 * labels[:, None], labels)


def context(seed: int = 0) -> Context:
    return Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
    )


def draw(model: PcaGaussian, real: EcgWindows, labels: NDArray[np.int64], seed: int = 0) -> Any:
    """Fit and sample; float64, shape (window, SIZE)."""
    model.fit(real, context(seed))
    synthetic = model.sample(labels, context(seed))
    assert synthetic.problem() is None
    assert (synthetic.patients == -1).all()
    np.testing.assert_array_equal(synthetic.labels, labels)
    return synthetic.signals.reshape(len(labels), -1).astype(float)


def flat_of(real: EcgWindows, label: int) -> Any:
    return real.signals[real.labels == label].reshape(-1, SIZE).astype(float)


@BOTH
def test_samples_have_the_mean_and_the_covariance_of_each_class(make: Any) -> None:
    real, count = train((4000, 3000)), 40_000
    sampled = draw(make(), real, np.repeat([1, 0], count))
    for label, own in ((1, sampled[:count]), (0, sampled[count:])):
        flat = flat_of(real, label)
        covariance = np.cov(flat.T)
        scale = np.sqrt(np.diag(covariance))
        error = np.abs(own.mean(axis=0) - flat.mean(axis=0)) / scale
        assert error.max() < 4 / np.sqrt(count)
        # the deviation of a sample covariance is √((s_ii s_jj + s_ij²) / n); the prior adds 10 / 3000
        bound = 5 * np.sqrt(2 / count) + 2 * 10 / 3000
        assert (np.abs(np.cov(own.T) - covariance) / np.outer(scale, scale)).max() < bound


def test_what_the_components_leave_comes_back_in_its_colour() -> None:
    real = train((4000,))
    flat = flat_of(real, 0)
    model = PcaGaussian(PcaGaussianConfig(dimensions=4))
    sampled = draw(model, real, np.zeros(40_000, dtype=np.int64))
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    assert values[-1] > 50 * values[0]
    np.testing.assert_allclose(np.var(sampled @ vectors, axis=0), values, rtol=0.06)


def test_what_no_component_describes_comes_back_as_white_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mixture, "COLOURED", 2)
    real = train((4000,))
    model = PcaGaussian(PcaGaussianConfig(dimensions=4))
    sampled = draw(model, real, np.zeros(40_000, dtype=np.int64))
    values, vectors = np.linalg.eigh(np.cov(flat_of(real, 0).T))
    variances = np.var(sampled @ vectors, axis=0)
    np.testing.assert_allclose(variances[-6:], values[-6:], rtol=0.06)
    np.testing.assert_allclose(variances[:-6], values[:-6].mean(), rtol=0.06)


def test_the_residual_of_each_gaussian_has_a_colour_of_its_own() -> None:
    rng = np.random.default_rng(3)
    side = rng.random(4000) < 0.5
    flat = rng.standard_normal((4000, SIZE)) * 0.1
    flat[:, 0] += np.where(side, 8.0, -8.0)
    flat[side, 5] *= 6
    real = windows(flat, np.zeros(4000, dtype=np.int64))
    model = Gmm(GmmConfig(dimensions=1, components=2))
    sampled = draw(model, real, np.zeros(20_000, dtype=np.int64))
    for which, expected in ((sampled[:, 0] > 0, 0.6), (sampled[:, 0] < 0, 0.1)):
        assert sampled[which, 5].std() == pytest.approx(expected, rel=0.05)


def test_a_mixture_keeps_modes_apart_that_a_gaussian_fills_in() -> None:
    rng = np.random.default_rng(1)
    sides = np.where(rng.random(600) < 0.3, -5.0, 5.0)
    real = windows(rng.standard_normal((600, SIZE)) + sides[:, None], np.zeros(600, dtype=np.int64))
    labels = np.zeros(4000, dtype=np.int64)
    between, left = {}, {}
    models = {"gaussian": PcaGaussian(PcaGaussianConfig()), "gmm": Gmm(GmmConfig(components=2))}
    for name, model in models.items():
        place = draw(model, real, labels).mean(axis=1)
        between[name], left[name] = np.mean(np.abs(place) < 2.5), np.mean(place < 0)
    assert between["gaussian"] > 0.2
    assert between["gmm"] < 0.005
    assert left["gmm"] == pytest.approx(np.mean(sides < 0), abs=0.03)


@BOTH
@pytest.mark.parametrize("few", [1, 2, 3])
def test_classes_of_one_to_three_windows_take_the_pooled_covariance(make: Any, few: int) -> None:
    real = train((2000, few))
    sampled = draw(make(), real, np.ones(20_000, dtype=np.int64))
    own = flat_of(real, 1)
    np.testing.assert_allclose(sampled.mean(axis=0), own.mean(axis=0), atol=0.1)
    scatter = (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
    normal = flat_of(real, 0) - flat_of(real, 0).mean(axis=0)
    pooled = (normal.T @ normal + scatter) / (2000 + few - 2)
    expected = (scatter + 10 * pooled) / (few - 1 + 10)
    np.testing.assert_allclose(np.cov(sampled.T), expected, atol=0.06 * np.diag(expected).max())


@BOTH
def test_a_class_that_train_lacks_is_drawn_from_the_others_and_logged(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        sampled = draw(make(), train((300, 100)), np.full(4000, 3))
    assert caplog.messages == [
        "train has no window of class F: the 4000 asked for are of any class"
    ]
    # class means are 0 and 3, at 3 to 1
    assert sampled.mean() == pytest.approx(0.75, abs=0.15)


def test_a_mixture_of_a_class_too_small_for_two_gaussians_is_the_gaussian() -> None:
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((39, SIZE)) + 9 * (np.arange(39) % 2)[:, None]
    real, labels = windows(flat, np.zeros(39, dtype=np.int64)), np.zeros(9, dtype=np.int64)
    one = draw(PcaGaussian(PcaGaussianConfig(dimensions=1)), real, labels)
    small, large = (Gmm(GmmConfig(dimensions=1, windows=count)) for count in (20, 19))
    np.testing.assert_array_equal(draw(small, real, labels), one)
    assert np.abs(draw(large, real, labels) - one).max() > 0.01


@pytest.mark.parametrize("modes", [1, 4, 8])
def test_the_number_of_gaussians_is_that_of_the_modes(modes: int) -> None:
    rng = np.random.default_rng(modes)
    centres = 8 * np.eye(SIZE)[:modes]
    flat = rng.standard_normal((400 * modes, SIZE)) + np.repeat(centres, 400, axis=0)
    real = windows(flat, np.zeros(len(flat), dtype=np.int64))
    model = Gmm(GmmConfig())
    model.fit(real, context())
    assert len(model.classes[0].weights) == modes


@BOTH
@pytest.mark.parametrize("count", [2, 5])
def test_equal_windows_and_windows_alone_in_their_class_are_modelled(make: Any, count: int) -> None:
    labels = np.arange(count) % 4
    alone = draw(make(), windows(np.arange(count * SIZE), labels), labels)
    assert np.isfinite(alone).all()
    equal = draw(make(), windows(np.ones(count * SIZE), 0 * labels), 0 * labels)
    np.testing.assert_allclose(equal, 1.0, atol=1e-3)


def test_a_mixture_of_equal_windows_is_modelled() -> None:
    labels = np.zeros(80, dtype=np.int64)
    equal = draw(Gmm(GmmConfig()), windows(np.ones(80 * SIZE), labels), labels)
    np.testing.assert_allclose(equal, 1.0, atol=1e-3)


def test_parameters_are_counted() -> None:
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((150, SIZE)) + 9 * (np.arange(150) % 2)[:, None]
    real = windows(flat, np.repeat([0, 1], (100, 50)))
    one, some = (
        PcaGaussian(PcaGaussianConfig(dimensions=3)),
        Gmm(GmmConfig(dimensions=3, windows=40)),
    )
    one.fit(real, context())
    some.fit(real, context())
    # W and R; then μ, v, a symmetric matrix and the variances of the residual for each class
    residual = SIZE - 3
    assert one.parameters == SIZE * SIZE + 2 * (SIZE + 1 + 6 + residual)
    # the first class has two Gaussians: one more matrix, residual, free weight and free mean
    assert some.parameters == one.parameters + 6 + residual + 1 + 3


def test_both_are_conditional_competitors() -> None:
    specs = list(ecgbench_generators())
    assert [spec.name for spec in specs] == ["pca-gaussian", "gmm"]
    for spec in specs:
        assert spec.conditional
        assert not spec.reference
        assert spec.load()(spec.config(**spec.smoke)).parameters == 0


@BOTH
@pytest.mark.parametrize("turn", ["signs", "order", "rotation"])
def test_another_basis_of_the_same_space_draws_the_same_windows(
    make: Any, turn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, labels = train((400, 100)), np.repeat([0, 1], 20)
    expected = draw(make(), real, labels)
    rng = np.random.default_rng(0)

    def turned(windows: NDArray[Any], count: int) -> Components:
        found = principal_components(windows, count)
        k = len(found.axes)
        by = {
            "signs": np.diag(rng.choice([-1.0, 1.0], k)),
            "order": np.eye(k)[rng.permutation(k)],
            "rotation": np.linalg.qr(rng.standard_normal((k, k)))[0],
        }[turn]
        return found._replace(axes=by @ found.axes, variances=np.abs(by) @ found.variances)

    monkeypatch.setattr(mixture, "principal_components", turned)
    eigh = np.linalg.eigh

    def flipped(of: NDArray[Any]) -> Any:
        values, vectors = eigh(of)
        return values, -vectors

    monkeypatch.setattr(np.linalg, "eigh", flipped)
    np.testing.assert_allclose(draw(make(), real, labels), expected, atol=1e-5)


# --- RR time ---------------------------------------------------------------------------------------


def beats(count: int, seed: int = 0) -> EcgWindows:
    """Windows of two seconds: three beats of one shape, and RR intervals of 0.5 to 0.9 s."""
    rng = np.random.default_rng(seed)
    time = (np.arange(200) - 100) / 100
    before, after = rng.uniform(0.5, 0.9, (2, count, 1))
    places = [np.zeros_like(before), -before, after]
    signals = sum(
        np.exp(-0.5 * ((time - place) / 0.02) ** 2)
        + 0.3 * np.exp(-0.5 * ((time - place - 0.25) / 0.04) ** 2)
        for place in places
    )
    noise = 0.01 * rng.standard_normal((count, 200))
    return EcgWindows(
        signals=(signals + noise)[:, None].astype(np.float32),
        labels=np.zeros(count, dtype=np.int64),
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=100.0,
        leads=("II",),
        classes=("N",),
    )


def test_in_rr_time_a_few_components_draw_neighbours_at_any_interval() -> None:
    real, labels = beats(1500), np.zeros(500, dtype=np.int64)
    heights, drawn = {}, {}
    for time in ("own", "rr"):
        model = Gmm(GmmConfig(dimensions=6, time=time))
        model.fit(real, context())
        signals = model.sample(labels, context()).signals
        heights[time] = signals[:, 0, :60].max(axis=1)
        drawn[time] = rr_intervals(signals, 100.0, 100)
    true = rr_intervals(real.signals, 100.0, 100)
    assert np.median(heights["rr"]) > 0.9  # of 1 mV
    assert np.median(heights["own"]) < 0.75
    for sampled, expected in zip(drawn["rr"], true, strict=True):
        assert sampled.mean() == pytest.approx(expected.mean(), abs=0.02)
        assert sampled.std() == pytest.approx(expected.std(), rel=0.15)


def test_windows_of_many_beats_are_skipped_in_rr_time_with_the_reason() -> None:
    long = EcgWindows(
        signals=np.zeros((4, 1, 1000), np.float32),
        labels=np.zeros(4, dtype=np.int64),
        patients=np.zeros(4, dtype=np.int64),
        sampling_rate=100.0,
        leads=("II",),
        classes=("N",),
    )
    said = "time=rr is for windows around one beat, and these are 10 s long (0.5 to 4 s)"
    with pytest.raises(Skip, match=re.escape(said)):
        PcaGaussian(PcaGaussianConfig(time="rr")).fit(long, context())
