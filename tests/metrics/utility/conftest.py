"""Simulated people with two classes of different shape, and generators of known quality."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTH = 32


class Cell(Protocol):
    def __call__(
        self,
        row: str = "fresh",
        *,
        leads: int = 1,
        seed: int = 0,
        scale: float = 1.0,
        locked: bool = False,
    ) -> Comparison: ...


def waves(
    rng: np.random.Generator, labels: NDArray[np.int64], leads: int, *, locked: bool
) -> NDArray[np.float64]:
    """Sines of any phase, in mV; those of class 1 are twice as fast, those of class 2 have steps.

    Unless they are locked to one phase, their mean is zero in every class.
    """
    n = len(labels)
    phase = rng.uniform(0, 0.5 if locked else 2 * np.pi, (n, 1, 1)) + np.arange(leads)[:, None]
    speed = np.where(labels == 1, 0.6, 0.3)[:, None, None]
    found: NDArray[np.float64] = np.sin(phase + speed * np.arange(LENGTH))
    return np.where((labels == 2)[:, None, None], np.sign(found), found)


def cohort(leads: int, *, locked: bool = False) -> EcgWindows:
    """Return ten people of 120 windows each, with waves of different height."""
    rng = np.random.default_rng([leads, 9])
    patients = np.repeat(np.arange(10), 120)
    labels = np.tile(np.repeat([0, 1, 2], [80, 30, 10]), 10)
    heights = rng.uniform(0.7, 1.3, 10)[patients, None, None]
    signals = heights * waves(rng, labels, leads, locked=locked)
    signals += 0.02 * rng.standard_normal(signals.shape)
    return number(
        EcgWindows(
            signals=signals.astype(np.float32),
            labels=labels.astype(np.int64),
            patients=patients.astype(np.int64),
            sampling_rate=125.0,
            leads=tuple(f"L{lead}" for lead in range(leads)),
            classes=("N", "V", "F"),
        )
    )


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make a comparison with fresh windows, noisy ones, ones of false classes, or noise."""

    def make(
        row: str = "fresh",
        *,
        leads: int = 1,
        seed: int = 0,
        scale: float = 1.0,
        locked: bool = False,
    ) -> Comparison:
        windows = cohort(leads, locked=locked)
        windows = replace(windows, signals=windows.signals * np.float32(scale))
        splits = split(windows, seed)
        rng = np.random.default_rng([seed, 4])
        signals, labels = splits.fresh.signals, splits.fresh.labels
        noise = signals.std() * rng.standard_normal(signals.shape)
        changed = {
            "fresh": signals,
            "noisy": signals + 0.3 * noise,
            "shuffled": signals[rng.permutation(len(signals))],
            "noise": noise,
        }
        return Comparison(
            synthetic=splits.fresh.synthetic(changed[row], labels),
            splits=splits,
            seed=seed,
            headline_classes=("N", "V"),
        )

    return make
