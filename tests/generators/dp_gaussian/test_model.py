"""Privacy is checked on the releases of the fit, and by an attack; utility on known moments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dp_accounting import get_epsilon_gaussian
from scipy.fft import dct
from scipy.linalg import sqrtm

from ecgbench import Comparison, Context, EcgWindows, Skip, Splits
from ecgbench.generators.dp_gaussian import DpPcaGaussianConfig, ecgbench_generators, model
from ecgbench.generators.dp_gaussian.mechanism import GaussianMechanism, Released
from ecgbench.generators.dp_gaussian.model import DpPcaGaussian
from ecgbench.metrics.attacks import ecgbench_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 100.0
WHOLE = RATE / 2
[MEMBERSHIP] = [spec for spec in ecgbench_metrics() if spec.name == "membership-inference"]


def windows(
    flat: NDArray[Any], labels: NDArray[Any], leads: int = 1, classes: str = "NV"
) -> EcgWindows:
    return EcgWindows(
        signals=flat.reshape(len(labels), leads, -1).astype(np.float32),
        labels=labels.astype(np.int64),
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=RATE,
        leads=tuple(f"L{lead}" for lead in range(leads)),
        classes=tuple(classes),
    )


def population(counts: tuple[int, ...], size: int, seed: int) -> EcgWindows:
    """Correlated Gaussian windows; class c has mean .1c mV and .1(1 + c) the deviation."""
    rng = np.random.default_rng([seed, 0])
    labels = np.repeat(np.arange(len(counts)), counts)
    mixing = np.random.default_rng(size).standard_normal((size, size)) / np.sqrt(size)
    flat = 0.1 * rng.standard_normal((len(labels), size)) @ mixing
    return windows(flat * (1 + labels[:, None]) + 0.1 * labels[:, None], labels)


def test_strips_of_twelve_leads_are_skipped_with_the_reason() -> None:
    strips = windows(np.zeros((4, 12_000)), np.zeros(4), leads=12)
    with pytest.raises(Skip, match=r"a covariance of 7692 numbers takes 0\.4 GiB for each class"):
        DpPcaGaussian(DpPcaGaussianConfig()).fit(strips, context())


def context(seed: int = 0) -> Context:
    return Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
    )


def fitted(train: EcgWindows, seed: int = 0, **settings: float) -> DpPcaGaussian:
    generator = DpPcaGaussian(DpPcaGaussianConfig(**settings))
    generator.fit(train, context(seed))
    return generator


class Recorder:
    """Stands for the mechanism: records the releases, and always answers the same."""

    def __init__(self, *_: object) -> None:
        self.rng = np.random.default_rng(7)
        self.asked: list[tuple[NDArray[np.float64], float, float]] = []

    def release(self, sums: NDArray[np.float64], *, sensitivity: float, share: float) -> Released:
        self.asked.append((sums, sensitivity, share))
        return Released(10 + self.rng.random(sums.shape), 0.5)

    def release_symmetric(
        self, sums: NDArray[np.float64], *, sensitivity: float, share: float
    ) -> Released:
        self.asked.append((sums, sensitivity, share))
        return Released(np.broadcast_to(np.eye(sums.shape[-1]), sums.shape), 0.5)


def test_no_window_changes_the_releases_by_more_than_was_accounted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    # from far below to far above the clip
    flat = rng.standard_normal((40, 2 * 24)) * np.geomspace(0.01, 100, 40)[:, None]
    train = windows(flat, labels, leads=2)
    epsilon, delta = 2.0, 1e-5
    multiplier = GaussianMechanism(epsilon, delta, rng).multiplier

    def releases(of: EcgWindows) -> list[tuple[NDArray[np.float64], float, float]]:
        recorder = Recorder()
        monkeypatch.setattr(model, "GaussianMechanism", lambda *_: recorder)
        fitted(of, epsilon=epsilon, delta=delta, clip=0.4, bandwidth=20.0)
        return recorder.asked

    everything = releases(train)
    assert [sums.shape[0] for sums, _, _ in everything] == [2, 2, 2]
    assert sum(share for _, _, share in everything) == pytest.approx(1.0)
    worst = np.zeros(3)
    distinguished = []
    for left_out in range(len(train)):
        rest = releases(train.take(np.arange(len(train)) != left_out))
        changes = np.array(
            [
                np.linalg.norm(with_it - without) / sensitivity
                for (with_it, sensitivity, _), (without, _, _) in zip(everything, rest, strict=True)
            ]
        )
        assert (changes <= 1 + 1e-9).all()
        worst = np.maximum(worst, changes)
        shares = np.array([share for _, _, share in everything])
        # the best attack on Gaussian noise sees this many deviations between with and without
        distinguished.append(np.sqrt(np.sum(changes**2 * shares)) / multiplier)
    np.testing.assert_allclose(worst, 1.0)
    assert get_epsilon_gaussian(1 / max(distinguished), delta) == pytest.approx(epsilon, rel=1e-6)


@pytest.mark.parametrize("leads", [1, 3])
def test_without_privacy_the_moments_are_those_of_each_class(leads: int) -> None:
    labels = np.arange(2000) % 2
    rng = np.random.default_rng(leads)
    flat = rng.standard_normal((2000, 12 * leads)) @ rng.standard_normal((12 * leads,) * 2)
    real = windows(flat * (1 + labels[:, None]) + labels[:, None], labels, leads)
    generator = fitted(real, epsilon=1e6, clip=60.0, bandwidth=WHOLE)
    spectra = dct(real.signals.astype(float), norm="ortho", axis=-1).reshape(2000, -1)
    drawn = generator.sample(np.repeat([0, 1], 40_000), context())
    for label in (0, 1):
        own = spectra[labels == label]
        covariance = np.cov(own.T, bias=True)
        np.testing.assert_allclose(generator.means[label], own.mean(axis=0), atol=0.02)
        root = generator.roots[label]
        bound = 0.02 * np.linalg.norm(covariance)
        assert np.linalg.norm(root @ root - covariance) < bound
        flat = drawn.signals[drawn.labels == label].reshape(40_000, -1).astype(float)
        wanted = real.signals[labels == label].reshape(1000, -1).astype(float)
        assert np.abs(flat.mean(axis=0) - wanted.mean(axis=0)).max() < 0.2
        wanted = np.cov(wanted.T, bias=True)
        assert np.linalg.norm(np.cov(flat.T) - wanted) < 0.05 * np.linalg.norm(wanted)


def test_nothing_is_drawn_above_the_bandwidth() -> None:
    real = windows(np.random.default_rng(0).standard_normal((300, 100)), np.arange(300) % 2)
    drawn = fitted(real, epsilon=1e3, bandwidth=10.0).sample(np.arange(50) % 2, context())
    spectra = np.abs(dct(drawn.signals.astype(float), norm="ortho", axis=-1)[:, 0])
    # component j has the frequency j · 100 / 200 Hz
    assert spectra[:, 21:].max() < 1e-5
    assert spectra[:, :21].max() > 0.1


def test_windows_above_the_clip_are_scaled_down_to_it() -> None:
    real = windows(np.full((500, 20), 5.0), np.zeros(500))
    generator = fitted(real, epsilon=1e6, clip=0.5, bandwidth=WHOLE)
    assert generator.means[0] == pytest.approx([0.5 * np.sqrt(20)] + [0.0] * 19, abs=1e-2)


def distance(generator: DpPcaGaussian, real: EcgWindows) -> float:
    """Squared Wasserstein distance of the Gaussians, averaged over classes."""
    spectra = dct(real.signals.astype(float), norm="ortho", axis=-1).reshape(len(real), -1)
    total = 0.0
    for label in range(len(real.classes)):
        own = spectra[real.labels == label]
        true, found = np.cov(own.T), generator.roots[label] @ generator.roots[label]
        cross = np.real(sqrtm(true @ found + 1e-12 * np.eye(len(true))))
        total += np.sum((own.mean(axis=0) - generator.means[label]) ** 2)
        total += np.trace(true + found - 2 * cross)
    return float(total / len(real.classes))


def test_the_model_comes_nearer_to_the_truth_as_epsilon_grows() -> None:
    real = population((4000, 400), 32, 0)
    errors = [
        np.mean(
            [
                distance(fitted(real, seed, epsilon=epsilon, bandwidth=WHOLE), real)
                for seed in range(5)
            ]
        )
        for epsilon in (0.1, 1.0, 10.0, 1e2, 1e6)
    ]
    assert (np.diff(errors) < 0).all(), errors
    assert errors[-1] < 0.02 * errors[0]


def test_an_attack_on_windows_finds_less_as_epsilon_falls() -> None:
    def attack(epsilon: float, seed: int) -> float:
        # classes of different size would blur one attack on both
        train, control = population((40,), 128, 2 * seed), population((400,), 128, 2 * seed + 1)
        generator = fitted(train, seed, epsilon=epsilon, bandwidth=WHOLE)
        splits = Splits(
            train=train, control=control, auxiliary=control, fresh=control, test=control, fold=0
        )
        comparison = Comparison(
            synthetic=generator.sample(control.labels, context(seed)),
            splits=splits,
            seed=seed,
            headline_classes=train.classes,
        )
        return float(MEMBERSHIP.load()(comparison, MEMBERSHIP.config()).value)

    without, little, much = (
        np.mean([attack(epsilon, seed) for seed in range(8)]) for epsilon in (1e6, 100.0, 1.0)
    )
    # of 40 members and 400 others an AUC has the deviation .05, and .017 over eight seeds
    assert without > 0.9
    assert 0.54 < little < 0.65
    assert much == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("epsilon", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize(
    "make",
    [
        lambda: windows(np.ones((20, 16)), np.zeros(20), classes="N"),
        lambda: windows(np.zeros((20, 16)), np.arange(20) % 2),
        lambda: windows(np.ones((2, 16)), np.arange(2)),
        lambda: windows(np.random.default_rng(0).standard_normal((30, 48)), np.zeros(30), leads=3),
    ],
    ids=["equal", "zero", "two", "class-absent"],
)
def test_any_windows_are_modelled(make: Any, epsilon: float) -> None:
    real = make()
    labels = np.arange(50) % len(real.classes)
    drawn = fitted(real, epsilon=epsilon).sample(labels, context())
    assert drawn.problem() is None
    np.testing.assert_array_equal(drawn.labels, labels)
    assert drawn.signals.shape == (50, *real.signals.shape[1:])


def test_parameters_are_counted() -> None:
    assert fitted(population((50, 50), 8, 0), bandwidth=WHOLE).parameters == 2 * (1 + 8 + 36)


def test_it_is_a_conditional_competitor() -> None:
    [spec] = ecgbench_generators()
    assert spec.name == "dp-pca-gaussian"
    assert spec.conditional
    assert not spec.reference
    assert spec.load()(spec.config()).parameters == 0


def test_an_eigenvector_of_the_other_sign_draws_the_same_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = population((200, 100), 8, seed=3)
    labels = np.repeat([0, 1], 20)
    expected = fitted(train).sample(labels, context()).signals
    eigh, rng = np.linalg.eigh, np.random.default_rng(0)

    def flipped(of: NDArray[Any]) -> Any:
        values, vectors = eigh(of)
        return values, vectors * rng.choice([-1.0, 1.0], vectors.shape[-1])

    monkeypatch.setattr(np.linalg, "eigh", flipped)
    drawn = fitted(train).sample(labels, context()).signals
    np.testing.assert_allclose(drawn, expected, atol=1e-5)
