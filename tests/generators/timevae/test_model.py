"""TimeVAE: its networks against the authors' sizes, its loss, and the model as the harness calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch

from ecgbench import Context, EcgWindows, Skip
from ecgbench.generators.timevae import TimeVaeConfig
from ecgbench.generators.timevae.model import TimeVae, reconstruction
from ecgbench.generators.timevae.networks import Autoencoder
from ecgbench.nn.training import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = TimeVaeConfig(channels=(4, 8), latent=3, batch=16, iterations=25)
LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


def windows(counts: tuple[int, ...] = (20, 20, 20), leads: int = 2, length: int = 24) -> EcgWindows:
    """Sines of a phase for each class; lead 1 swings about 10 mV."""
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    phase = np.linspace(0, 2 * np.pi, length) + 2 * labels[:, None, None]
    signals = np.sin(phase) * (1 + 0.2 * rng.standard_normal((len(labels), leads, 1)))
    signals = signals + 10.0 * np.arange(leads)[:, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=tuple(f"L{lead}" for lead in range(leads)),
        classes=("N", "S", "V", "F")[: len(counts)],
    )


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


def fitted(folder: Path, train: EcgWindows, config: TimeVaeConfig = SMALL, **of: Any) -> TimeVae:
    folder.mkdir(exist_ok=True)
    model = TimeVae(config)
    model.fit(train, make_context(folder, **of))
    return model


@pytest.mark.parametrize(("length", "leads"), [(24, 5), (24, 1), (200, 1)])
def test_the_published_network_has_the_sizes_of_the_authors_code(length: int, leads: int) -> None:
    with torch.device("meta"):
        network = Autoencoder(leads, length, 0, TimeVaeConfig())
    # layer by layer as Keras counts them: kernels of 3, "same" padding, dense layers
    flat = length // 8 * 200
    encoder = (3 * leads + 1) * 50 + (150 + 1) * 100 + (300 + 1) * 200 + 2 * (flat + 1) * 8
    level = (8 + 1) * leads + (leads + 1) * leads
    mirrored = (8 + 1) * flat + (600 + 1) * 100 + (300 + 1) * 50 + 150 * leads + leads
    dense = (length * leads + 1) * length * leads
    assert count(network) == encoder + level + mirrored + dense


def test_strips_of_twelve_leads_are_skipped_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Skip, match="144 million weights for 12000 numbers; at most 4000"):
        fitted(tmp_path, windows((2, 2), leads=12, length=1000))


@pytest.mark.parametrize("length", [1, 5, 24, 77])
def test_any_length_comes_back(length: int) -> None:
    network = Autoencoder(2, length, 3, SMALL)
    c = torch.eye(3)
    mean, log_variance = network.encode(torch.zeros(3, 2, length), c)
    assert mean.shape == log_variance.shape == (3, 3)
    assert network.decode(mean, c).shape == (3, 2, length)


def test_the_trend_is_a_polynomial_without_a_constant() -> None:
    network = Autoencoder(2, 10, 0, msgspec.structs.replace(SMALL, trend=2))
    z, c = torch.randn(4, 3), torch.zeros(4, 0)
    with torch.no_grad():
        whole = network.decode(z, c)
        assert network.trend is not None
        factors = network.trend(z).view(4, 2, 2)
        network.trend = None
        alone = network.decode(z, c)
    time = torch.arange(10) / 10
    expected = factors[:, :, :1] * time + factors[:, :, 1:] * time**2
    torch.testing.assert_close(whole - alone, expected)


def test_the_reconstruction_is_the_authors() -> None:
    rng = np.random.default_rng(0)
    x, x_hat = rng.random((2, 6, 3, 7))
    expected = ((x - x_hat) ** 2).sum((1, 2)) + ((x.mean(1) - x_hat.mean(1)) ** 2).sum(1)
    found = reconstruction(torch.from_numpy(x), torch.from_numpy(x_hat))
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(("leads", "length"), [(1, 24), (3, 7), (2, 1)])
def test_windows_of_any_shape_are_drawn_for_their_labels(
    tmp_path: Path, leads: int, length: int
) -> None:
    drawn = fitted(tmp_path, windows(leads=leads, length=length)).sample(
        LABELS, make_context(tmp_path)
    )
    assert drawn.problem() is None
    assert drawn.signals.shape == (5, leads, length)
    np.testing.assert_array_equal(drawn.labels, LABELS)


@pytest.mark.slow
def test_it_learns_the_phase_of_each_class(tmp_path: Path) -> None:
    train = windows((200, 200, 200))
    config = TimeVaeConfig(channels=(16, 32), iterations=600, batch=64)
    drawn = fitted(tmp_path, train, config).sample(train.labels, make_context(tmp_path))
    for label in range(3):
        real, made = (each.signals[train.labels == label].mean(axis=0) for each in (train, drawn))
        for lead in range(2):
            assert np.corrcoef(real[lead], made[lead])[0, 1] > 0.97
