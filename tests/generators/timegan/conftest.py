"""Small TimeGANs on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from ecgbench import Context, EcgWindows
from ecgbench.generators.timegan import TimeGanConfig
from ecgbench.generators.timegan.model import TimeGan
from ecgbench.generators.timegan.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


SMALL = TimeGanConfig(
    hidden=5, layers=2, batch=8, embedding_iterations=12, supervised_iterations=11, iterations=10
)


LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


def windows(
    count: int = 30, leads: int = 2, length: int = 12, classes: tuple[str, ...] = ("N", "S", "V")
) -> EcgWindows:
    """Noisy sines; lead 1 swings between 9 and 11 mV, lead 0 about 0 by 0.1 mV."""
    rng = np.random.default_rng(5)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    phase = np.linspace(0, 2 * np.pi, length) + labels[:, None, None]
    signals = np.sin(phase) + 0.1 * rng.standard_normal((count, leads, length))
    signals *= np.array([0.1, 1.0])[:leads, None]
    signals += np.array([0.0, 10.0])[:leads, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=125.0,
        leads=("MLII", "V1")[:leads],
        classes=classes,
    )


def small(**changes: Any) -> TimeGanConfig:
    return msgspec.structs.replace(SMALL, **changes)


SETTINGS = {
    "the code's": SMALL,
    "weights": small(gamma=0.6, supervised_weight=30.0, moment_weight=7.0),
    "linear latents": small(latent="linear"),
    "the paper's": small(
        latent="linear",
        recovery="feedforward",
        discriminator="bidirectional",
        noise="wiener",
        moment_weight=0.0,
    ),
    "ablation": small(
        recovery="feedforward",
        discriminator="bidirectional",
        ema=0.9,
        learning_rate_schedule="cosine",
        static_noise=2,
    ),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the contexts say; networks so small only wait for a second one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


def fitted(context: Context, config: TimeGanConfig = SMALL, train: EcgWindows | None = None) -> Any:
    model = TimeGan(config)
    model.fit(windows() if train is None else train, context)
    return model


@pytest.fixture
def state(context: Context) -> Training:
    """A training with networks away from their start."""
    return make_state(context)


def make_state(context: Context, config: TimeGanConfig = SMALL) -> Training:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(20, 9, 2, generator=rng)
    s = torch.eye(3)[torch.arange(20) % 3]
    made = Training(config, x, s, context, data="")
    with torch.no_grad():
        for weight in made.networks.parameters():
            weight.add_(0.5 * torch.randn(weight.shape, generator=rng))
    return made


def spy(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Tensor]]:
    """Record each update and the x it is given."""
    calls: list[tuple[str, Tensor]] = []

    def recording(name: str, update: Callable[..., None]) -> Callable[..., None]:
        def record(self: Training, x: Tensor, *rest: Tensor) -> None:
            calls.append((name, x))
            update(self, x, *rest)

        return record

    for name in ("embedding", "supervisor", "generator", "embedder", "discriminator"):
        update = getattr(Training, f"update_{name}")
        monkeypatch.setattr(Training, f"update_{name}", recording(name, update))
    return calls
