"""Small models on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench import Context, EcgWindows
from ecgbench.generators.diffusion import ecgbench_generators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)

TINY: dict[str, dict[str, Any]] = {
    "flow-matching": {
        "iterations": 12,
        "batch": 8,
        "width": 8,
        "blocks": 1,
        "dimensions": 6,
        "time": "own",
    },
    "ddpm": {"iterations": 12, "batch": 8, "width": 8, "blocks": 1, "heads": 2, "steps": 3},
    "fourier-diffusion": {"iterations": 12, "batch": 8, "width": 8, "blocks": 1, "steps": 4},
    "sssd-ecg": {
        "iterations": 12,
        "batch": 8,
        "channels": 4,
        "layers": 2,
        "states": 4,
        "noise_steps": 10,
        "steps": 3,
    },
}
"""Settings that fit in a blink."""

SPECS = {spec.name: spec for spec in ecgbench_generators()}
"""The specs by name."""


def windows(
    count: int = 60, leads: int = 2, length: int = 13, classes: tuple[str, ...] = ("N", "S", "V")
) -> EcgWindows:
    """Noisy sines; lead 0 swings about 0 by 0.1 mV, lead 1 about 10 mV by 1 mV."""
    rng = np.random.default_rng(5)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    phase = np.linspace(0, 2 * np.pi, length) + labels[:, None, None]
    signals = np.sin(phase) + 0.1 * rng.standard_normal((count, leads, length))
    signals *= np.resize([0.1, 1.0], leads)[:, None]
    signals += np.resize([0.0, 10.0], leads)[:, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=125.0,
        leads=tuple(f"lead {lead}" for lead in range(leads)),
        classes=classes,
    )


def tiny(name: str, **changes: Any) -> Any:
    spec = SPECS[name]
    return spec.load()(spec.config(**TINY[name] | changes))


def fitted(name: str, context: Context, train: EcgWindows | None = None, **changes: Any) -> Any:
    model = tiny(name, **changes)
    model.fit(windows() if train is None else train, context)
    return model


def make_context(
    folder: Path, seed: int = 3, log: Callable[..., None] = lambda *_, **__: None
) -> Context:
    return Context(seed=seed, device="cpu", threads=1, log=log, checkpoint_dir=folder)


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
