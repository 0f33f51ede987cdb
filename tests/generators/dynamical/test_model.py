from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecgbench import Context, EcgWindows, Skip
from ecgbench.generators.dynamical import EcgsynFitConfig, ecgbench_generators
from ecgbench.generators.dynamical.model import EcgsynFit
from ecgbench.rr_time import rr_intervals

SMALL: dict[str, Any] = {"windows": 200, "rounds": 4, "steps": 3, "components": 2}


def beats(
    counts: tuple[int, ...], leads: int = 1, length: int = 200, seed: int = 0, rate: float = 100.0
) -> EcgWindows:
    """Three beats with QRS and T, RR intervals of 0.5 to 0.9 s; class c is 1 + c as high, T upside down."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    time = (np.arange(length) - length // 2) / rate
    before, after = rng.uniform(0.5, 0.9, (2, len(labels), 1))
    sizes = 1.0 + labels[:, None]
    ways = np.where(labels % 2, -1.0, 1.0)[:, None]
    signals = sum(
        sizes * np.exp(-0.5 * ((time - place) / 0.02) ** 2)
        + ways * 0.3 * np.exp(-0.5 * ((time - place - 0.22) / 0.04) ** 2)
        for place in (0 * before, -before, after)
    )
    gains = np.linspace(1, -0.5, leads)[:, None]
    noise = 0.01 * rng.standard_normal((len(labels), leads, length))
    return EcgWindows(
        signals=(gains * signals[:, None] + noise).astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=rate,
        leads=tuple(f"V{lead}" for lead in range(leads)),
        classes=("N", "S", "V", "F"),
    )


def context(seed: int = 0, log: Any = lambda step, /, *, total=None, **values: None) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=Path())


def draw(real: EcgWindows, labels: np.ndarray, seed: int = 0, **settings: Any) -> np.ndarray:
    model = EcgsynFit(EcgsynFitConfig(**(SMALL | settings)))
    model.fit(real, context(seed))
    synthetic = model.sample(labels, context(seed))
    assert synthetic.problem() is None
    np.testing.assert_array_equal(synthetic.labels, labels)
    return synthetic.signals.astype(float)


def test_drawn_beats_have_the_shape_and_the_rhythm_of_the_class() -> None:
    real = beats((150, 100), leads=2)
    labels = np.repeat([0, 1], 300)
    sampled = draw(real, labels)
    for label in (0, 1):
        own, true = sampled[labels == label], real.signals[real.labels == label].astype(float)
        near = slice(60, 141)  # from −0.4 to 0.4 s
        spread = true.std(axis=(0, 2))[:, None]
        error = (own.mean(axis=0) - true.mean(axis=0)) / spread
        assert np.abs(error[:, near]).max() < 0.25
        assert own[:, 0].max(axis=1).mean() == pytest.approx(1 + label, rel=0.1)
        pairs = zip(rr_intervals(own, 100.0, 100), rr_intervals(true, 100.0, 100), strict=True)
        for found, expected in pairs:
            assert found.mean() == pytest.approx(expected.mean(), abs=0.03)
            assert found.std() == pytest.approx(expected.std(), rel=0.3)


def test_what_the_waves_leave_comes_back_in_level_and_colour() -> None:
    real = beats((400,))
    rng = np.random.default_rng(5)
    loud = rng.random(400) < 0.3
    hum = np.cos(2 * np.pi * 40 * np.arange(200) / 100 + rng.uniform(0, 6.28, (400, 1)))
    hum *= np.where(loud, 0.4, 0.05)[:, None]
    noisy = EcgWindows(**{**real.__dict__, "signals": real.signals + hum[:, None].astype("f4")})
    sampled = draw(noisy, np.zeros(1000, dtype=np.int64), windows=400, components=4)
    power = [
        (np.abs(np.fft.rfft(signals[:, 0], axis=1)) ** 2)[:, 78:83].sum(axis=1)
        for signals in (noisy.signals.astype(float), sampled)
    ]
    for level, ratio in ((0.1, 3), (0.5, 2), (0.9, 1.5)):  # hum of 50 and of 400 µV
        true, found = (np.quantile(np.sqrt(each), level) for each in power)
        assert 1 / ratio < found / true < ratio
    spectrum = (np.abs(np.fft.rfft(sampled[:, 0], axis=1)) ** 2).mean(axis=0)
    assert spectrum[80] > 20 * spectrum[60:75].max()


@pytest.mark.parametrize("few", [1, 2])
def test_a_class_of_few_windows_is_drawn_like_them(few: int) -> None:
    real = beats((100, few))
    sampled = draw(real, np.ones(400, dtype=np.int64))
    assert np.isfinite(sampled).all()
    near = np.abs(sampled[:, 0, 90:111]).max(axis=1)
    assert np.median(near) == pytest.approx(2.0, rel=0.35)


def test_a_class_that_train_lacks_is_drawn_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        sampled = draw(beats((60, 30)), np.full(300, 2))
    assert caplog.messages == ["train has no window of class V: the 300 asked for are of any class"]
    high = sampled[:, 0, 95:106].max(axis=1) > 1.5
    assert 0.2 < high.mean() < 0.5


@pytest.mark.parametrize(
    ("length", "rate"),
    [(40, 100.0), (60, 100.0), (250, 250.0), (400, 100.0)],
    ids=["QRS alone", "one beat", "finer", "four seconds"],
)
def test_windows_of_other_lengths_and_rates_work(length: int, rate: float) -> None:
    real = beats((30,), length=length, rate=rate)
    sampled = draw(real, np.zeros(100, dtype=np.int64), rounds=2)
    assert sampled.shape == (100, 1, length)
    middle = sampled[:, 0, length // 2 - 1 : length // 2 + 2].max(axis=1)
    assert np.median(middle) == pytest.approx(1, rel=0.15)


def test_flat_and_equal_windows_are_modelled() -> None:
    labels = np.arange(6) % 2
    flat = EcgWindows(**{**beats((6,)).__dict__, "signals": np.zeros((6, 1, 200), np.float32)})
    assert np.abs(draw(flat, labels)).max() < 0.2
    equal = EcgWindows(**{**beats((1,)).__dict__, "labels": np.zeros(1, dtype=np.int64)})
    assert np.isfinite(draw(equal, labels * 0)).all()


def test_a_rate_without_r_peaks_is_skipped_with_the_reason() -> None:
    with pytest.raises(Skip, match="finds R peaks above 40 Hz, and these windows have 32 Hz"):
        EcgsynFit(EcgsynFitConfig()).fit(beats((4,), rate=32.0), context())


@pytest.mark.parametrize("name", ["ecgsyn-fit", "virtual-people"])
def test_strips_and_too_many_leads_are_skipped_with_the_reason(name: str) -> None:
    [spec] = [spec for spec in ecgbench_generators() if spec.name == name]
    model = spec.load()(spec.config(**spec.smoke))
    with pytest.raises(
        Skip, match=f"{name} is for windows around one beat, up to 4 s, .* 10 s long"
    ):
        model.fit(beats((4,), length=1000), context())
    with pytest.raises(Skip, match="a covariance of 4200 numbers"):
        model.fit(beats((4,), leads=12, length=350), context())


def test_progress_counts_the_rounds_of_all_classes() -> None:
    seen: list[Any] = []
    model = EcgsynFit(EcgsynFitConfig(**(SMALL | {"rounds": 2})))
    model.fit(
        beats((20, 10)),
        context(log=lambda step, /, *, total, label, noise: seen.append((step, total, label))),
    )
    assert seen == [(1, 4, "N"), (2, 4, "N"), (3, 4, "S"), (4, 4, "S")]


def test_parameters_are_counted() -> None:
    model = EcgsynFit(EcgsynFitConfig(**(SMALL | {"components": 1})))
    model.fit(beats((20, 10)), context())
    size = 15 * 2 + 16 + 3  # waves, heights and offset; two intervals and a level
    assert model.parameters == 2 * (size * (size + 3) // 2 + 200 + 200 * 201 // 2)


def test_it_is_a_conditional_competitor() -> None:
    spec, _ = ecgbench_generators()
    assert spec.name == "ecgsyn-fit"
    assert spec.conditional
    assert not spec.reference
    assert spec.load()(spec.config(**spec.smoke)).parameters == 0
