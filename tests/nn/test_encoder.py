"""The shared encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from ecgbench import EcgWindows
from ecgbench.nn import Encoder, EncoderConfig
from ecgbench.nn.encoder import _distort

QUICK = EncoderConfig(steps=120, width=8, dimensions=16)
RATE = 125.0


def beats(seed: int, people: int = 6, classes: int = 2, leads: int = 1) -> EcgWindows:
    """Return two waves of the person's own sizes; the first is wide in the second class."""
    own = np.exp(0.4 * np.random.default_rng(leads).standard_normal((people, leads, 2)))
    rng = np.random.default_rng(seed)
    patients = rng.integers(people, size=300)
    labels = rng.integers(classes, size=300)
    widths = np.stack([2 + 3 * labels, np.full(300, 6)], axis=1)[..., None]
    waves = np.exp(-0.5 * ((np.arange(64) - np.array([[20], [45]])) / widths) ** 2)
    heights = own[patients] * (1 + 0.03 * rng.standard_normal((300, 1, 2)))
    signals = np.einsum("wlh,wht->wlt", heights, waves)
    return EcgWindows(
        signals=(signals + 0.02 * rng.standard_normal(signals.shape)).astype(np.float32),
        labels=labels,
        patients=10 + patients,
        sampling_rate=RATE,
        leads=tuple(f"L{lead}" for lead in range(leads)),
        classes=tuple("NV"[:classes]),
    )


@pytest.fixture(scope="module")
def fitted() -> Encoder:
    return Encoder(beats(0), QUICK, seed=0).fit()


def test_it_knows_class_and_person_of_windows_it_has_not_seen(fitted: Encoder) -> None:
    found = fitted.accuracy(beats(1))
    assert found["class"] > 0.95
    assert found["person"] > 0.5  # one in six by chance
    strangers = replace(beats(1), patients=np.full(300, 99))
    assert fitted.accuracy(strangers)["person"] == 0


def test_embeddings_are_standardised_by_the_windows_it_was_trained_on(fitted: Encoder) -> None:
    found = fitted.embed(beats(0).signals)
    assert found.shape == (300, 16)
    assert found.dtype == np.float64
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert found.std(axis=0) == pytest.approx(1, abs=1e-6)
    assert np.abs(fitted.embed(beats(1).signals).mean(axis=0)).max() < 0.2
    assert fitted.embed(beats(0).signals[:0]).shape == (0, 16)


def test_it_sees_noise_gain_shift_and_smoothing(fitted: Encoder) -> None:
    """A distortion moves windows together by more than two sets of real windows differ."""
    signals = beats(1).signals
    mean = fitted.embed(signals).mean(axis=0)

    def moved(others: np.ndarray) -> float:
        return float(np.linalg.norm(fitted.embed(others.astype(np.float32)).mean(axis=0) - mean))

    rng = np.random.default_rng(0)
    by_chance = moved(beats(2).signals)
    assert moved(signals + 0.1 * signals.std() * rng.standard_normal(signals.shape)) > by_chance
    assert moved(1.1 * signals) > by_chance
    assert moved(np.roll(signals, 1, axis=2)) > by_chance
    assert moved(gaussian_filter1d(signals, 1, axis=2)) > by_chance


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(fitted: Encoder) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        again = Encoder(beats(0), QUICK, seed=0).fit()
        signals = beats(1).signals[:50]
        assert np.array_equal(again.embed(signals), fitted.embed(signals))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), before)
    few = EncoderConfig(steps=3, width=4, dimensions=4)
    first, other = (Encoder(beats(0), few, seed=seed).fit().embed(signals) for seed in (0, 1))
    assert not np.allclose(first, other)


def test_a_restored_encoder_is_the_same(fitted: Encoder) -> None:
    restored = Encoder(beats(0), QUICK, seed=5).restore(fitted.state())
    signals = beats(1).signals[:50]
    assert np.array_equal(restored.embed(signals), fitted.embed(signals))
    assert restored.accuracy(beats(1)) == fitted.accuracy(beats(1))


@pytest.mark.parametrize("leads", [1, 12])
def test_one_person_and_one_class_will_do(leads: int) -> None:
    few = EncoderConfig(steps=20, width=4, dimensions=8)
    encoder = Encoder(beats(0, people=1, classes=1, leads=leads), few, seed=0).fit()
    assert encoder.accuracy(beats(1, people=1, classes=1, leads=leads)) == {
        "class": 1.0,
        "person": 1.0,
    }
    assert np.isfinite(encoder.embed(beats(1, leads=leads).signals)).all()


def test_equal_windows_short_ones_and_a_single_one_leave_it_finite() -> None:
    few = EncoderConfig(steps=5, width=4, dimensions=4)
    windows = beats(0)
    for signals in (np.ones_like(windows.signals), windows.signals[:, :, :3]):
        encoder = Encoder(replace(windows, signals=signals), few, seed=0).fit()
        assert np.isfinite(encoder.embed(signals)).all()
    one = windows.take(slice(1))
    assert np.isfinite(Encoder(one, few, seed=0).fit().embed(windows.signals)).all()
    with pytest.raises(ValueError, match="no windows"):
        Encoder(windows.take(slice(0)), few, seed=0)


def distort(noise: float, gain: float, shift: float, smoothing: float) -> np.ndarray:
    amounts = np.tile(np.array([noise, gain, shift, smoothing], dtype=np.float32), (300, 1))
    return _distort(beats(0).signals, amounts, RATE, np.random.default_rng(0))


def test_distortions_are_as_large_as_they_say() -> None:
    signals = beats(0).signals
    assert (distort(-1, 0, 0, -1) - signals).std() == pytest.approx(0.01, rel=0.02)
    assert (distort(1, 0, 0, -1) - signals).std() == pytest.approx(0.49, rel=0.02)
    assert distort(-1, 1, 0, -1) == pytest.approx(1.5 * signals, abs=0.06)
    late = distort(-1, 0, 1, -1)  # 32 ms are four samples
    assert late[:, :, 4:] == pytest.approx(signals[:, :, :-4], abs=0.06)
    smooth = gaussian_filter1d(signals, 2, axis=2, mode="reflect")  # 16 ms are two
    assert distort(-1, 0, 0, 1) == pytest.approx(smooth, abs=0.06)
