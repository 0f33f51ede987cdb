"""A small vae on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench import Context, EcgWindows
from ecgbench.generators.vae import VaeConfig
from ecgbench.generators.vae.model import Vae

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = VaeConfig(components=12, latent=3, hidden=24, iterations=40, batch=16, gaussians=4)


def small(**changes: Any) -> VaeConfig:
    return msgspec.structs.replace(SMALL, **changes)


def windows(
    counts: tuple[int, ...] = (60, 30, 30), leads: int = 1, length: int = 40, seed: int = 0
) -> EcgWindows:
    """Bumps of classes at places of their own, under coloured noise; lead 1 about 5 mV."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    time = np.linspace(0, 1, length)
    centre = 0.3 + 0.2 * labels[:, None, None] + 0.03 * rng.standard_normal((len(labels), 1, 1))
    signals = np.exp(-(((time - centre) / 0.08) ** 2)) * (1 + np.arange(leads)[:, None])
    noise = rng.standard_normal((len(labels), leads, length + 4))
    kernel = np.ones(5) / 5
    coloured = np.apply_along_axis(np.convolve, 2, noise, kernel, "valid")
    signals = signals + 0.1 * coloured + 5.0 * np.arange(leads)[:, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(len(labels), dtype=np.int64),
        sampling_rate=100.0,
        leads=("MLII", "V1", "V5")[:leads],
        classes=("N", "S", "V", "F")[: len(counts)],
    )


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


def fitted(folder: Path, train: EcgWindows, config: VaeConfig = SMALL, **of: Any) -> Vae:
    folder.mkdir(exist_ok=True)
    model = Vae(config)
    model.fit(train, make_context(folder, **of))
    return model
