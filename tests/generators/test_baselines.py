from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import Components, Context, EcgWindows, principal_components
from ecgbench.generators.baselines import GmmConfig, PcaGaussianConfig, ecgbench_generators, mixture
from ecgbench.generators.baselines.mixture import Gmm, PcaGaussian

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


def test_what_the_components_leave_comes_back_as_white_noise_of_the_same_variance() -> None:
    real = train((4000,))
    flat = flat_of(real, 0)
    model = PcaGaussian(PcaGaussianConfig(dimensions=4))
    sampled = draw(model, real, np.zeros(40_000, dtype=np.int64))
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    inside = vectors[:, -4:]
    np.testing.assert_allclose(np.var(sampled @ inside, axis=0), values[-4:], rtol=0.05)
    np.testing.assert_allclose(
        np.var(sampled @ vectors[:, :-4], axis=0), values[:-4].mean(), rtol=0.05
    )


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
    real, labels = train((39, 12)), np.repeat([0, 1], 5)
    one = draw(PcaGaussian(PcaGaussianConfig()), real, labels)
    np.testing.assert_array_equal(draw(Gmm(GmmConfig(windows=20)), real, labels), one)
    assert np.abs(draw(Gmm(GmmConfig(windows=19)), real, labels) - one).max() > 0.01


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


@BOTH
def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state_alone(make: Any) -> None:
    real, labels = train((200, 60)), np.arange(30) % 2
    before = repr(np.random.get_state())  # noqa: NPY002 - the global state, to stay as it is
    first, again, other = (draw(make(), real, labels, seed) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.1
    assert repr(np.random.get_state()) == before  # noqa: NPY002 - the same


def test_parameters_are_counted() -> None:
    real = train((100, 50))
    one, some = (
        PcaGaussian(PcaGaussianConfig(dimensions=3)),
        Gmm(GmmConfig(dimensions=3, windows=30)),
    )
    one.fit(real, context())
    some.fit(real, context())
    # W; then μ, v and a symmetric matrix for each class
    assert one.parameters == 3 * SIZE + 2 * (SIZE + 1 + 6)
    # the first class has three Gaussians, so two more matrices, two free weights and two free means
    assert some.parameters == one.parameters + 2 * 6 + 2 + 2 * 3


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
