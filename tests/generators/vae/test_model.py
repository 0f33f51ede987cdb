"""The vae as the harness calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ecgbench.generators.vae import VaeConfig
from ecgbench.generators.vae.model import Vae
from tests.generators.vae.conftest import SMALL, fitted, make_context, small, windows

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


@pytest.mark.parametrize(("leads", "length"), [(1, 40), (3, 7), (2, 1)])
def test_windows_of_any_shape_are_drawn_for_their_labels(
    tmp_path: Path, leads: int, length: int
) -> None:
    train = windows(leads=leads, length=length)
    drawn = fitted(tmp_path, train).sample(LABELS, make_context(tmp_path))
    assert drawn.problem() is None
    assert drawn.signals.shape == (5, leads, length)
    np.testing.assert_array_equal(drawn.labels, LABELS)
    assert drawn.signals[:, -1].mean() == pytest.approx(train.signals[:, -1].mean(), abs=1.5)


def test_equal_windows_are_drawn_again(tmp_path: Path) -> None:
    train = windows()
    equal = train.take(np.zeros(20, dtype=np.int64))
    drawn = fitted(tmp_path, equal).sample(np.zeros(3, dtype=np.int64), make_context(tmp_path))
    assert np.isfinite(drawn.signals).all()


@pytest.mark.slow
def test_it_learns_shapes_of_classes_and_the_colour_of_the_noise(tmp_path: Path) -> None:
    train = windows((1500, 500, 500))
    config = VaeConfig(
        hidden=64, latent=4, iterations=1500, batch=128, gaussians=8, beta=0.3, ema=0.99
    )
    labels = train.labels
    drawn = fitted(tmp_path, train, config).sample(labels, make_context(tmp_path))
    for label in range(3):
        real, made = (each.signals[labels == label, 0] for each in (train, drawn))
        assert np.abs(real.mean(axis=0) - made.mean(axis=0)).max() < 0.1
        assert made.std(axis=0).mean() == pytest.approx(real.std(axis=0).mean(), rel=0.25)
    # the moving average of five samples leaves little noise at a fifth of the rate
    real, made = (np.fft.rfft(each.signals[:, 0]) for each in (train, drawn))
    decibels = 10 * np.log10((np.abs(made) ** 2).mean(axis=0) / (np.abs(real) ** 2).mean(axis=0))
    assert np.abs(decibels).max() < 2.0


def test_a_decoders_mean_alone_is_too_smooth_and_its_noise_mends_it(tmp_path: Path) -> None:
    train = windows((400, 100, 100))
    model = fitted(tmp_path, train, small(iterations=300))
    context = make_context(tmp_path)
    noisy = model.sample(train.labels, context).signals
    model.root = torch.zeros_like(model.root)
    model.space = model.space._replace(beside=model.space.beside[:0])
    model.space = model.space._replace(beside_deviations=model.space.beside_deviations[:0])
    smooth = model.sample(train.labels, context).signals

    def roughness(signals: np.ndarray) -> float:
        return float((np.diff(signals, 3, axis=2) ** 2).mean())

    real = roughness(train.signals)
    assert roughness(smooth) < 0.4 * real
    assert roughness(noisy) == pytest.approx(real, rel=0.25)


def test_parameters_are_counted(tmp_path: Path) -> None:
    assert Vae(SMALL).parameters == 0
    model = fitted(tmp_path, windows((60, 1)), small(gaussians=1))
    encoder = (12 + 2) * 24 + 24 + 24 * 24 + 24 + 24 * 6 + 6
    decoder = (3 + 2) * 24 + 24 + 24 * 24 + 24 + 24 * 24 + 24
    priors = 2 * (3 + 6)
    residual, space = 12 * 13 // 2, 40 + 40 * 40
    assert model.parameters == encoder + decoder + priors + residual + space
