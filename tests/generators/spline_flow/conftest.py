"""Small flows on small windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from ecgbench import Context, EcgWindows
from ecgbench.generators.spline_flow import SplineFlowConfig
from ecgbench.generators.spline_flow.model import SplineFlow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL = SplineFlowConfig(
    dimensions=5, transforms=2, bins=4, hidden=8, batch=16, iterations=12, every=4
)

LABELS = np.array([2, 0, 1, 2, 2], dtype=np.int64)


def windows(
    count: int = 30, leads: int = 2, length: int = 12, classes: tuple[str, ...] = ("N", "S", "V")
) -> EcgWindows:
    """Noisy sines; lead 1 swings about 10 mV."""
    rng = np.random.default_rng(5)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    phase = np.linspace(0, 2 * np.pi, length) + labels[:, None, None]
    signals = np.sin(phase) + 0.1 * rng.standard_normal((count, leads, length))
    signals += 10.0 * np.arange(leads)[:, None]
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels,
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=125.0,
        leads=("MLII", "V1")[:leads],
        classes=classes,
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the contexts say."""
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


def fitted(
    context: Context, config: SplineFlowConfig = SMALL, train: EcgWindows | None = None
) -> Any:
    model = SplineFlow(config)
    model.fit(windows() if train is None else train, context)
    return model
