"""A simulated cohort whose truth is known, and generators that memorise a known share of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from ecgbench import Splits


class Cell(Protocol):
    def __call__(
        self, *, copies: float, noise: float = 0.0, seed: int = 0, leads: int = 1
    ) -> Comparison: ...


def cohort(leads: int) -> EcgWindows:
    """Twelve people with a shape of their own, in two classes, and 120 windows each."""
    rng = np.random.default_rng([leads, 5])
    patients = np.repeat(np.arange(1, 13), 120)
    labels = np.tile([0, 0, 1], len(patients) // 3)
    shapes = rng.standard_normal((13, leads, 16))
    classes = rng.standard_normal((2, leads, 16))
    movement = rng.standard_normal((len(patients), 3)) @ rng.standard_normal((3, leads * 16))
    signals = shapes[patients] + classes[labels] + 0.3 * movement.reshape(-1, leads, 16)
    signals += 0.1 * rng.standard_normal(signals.shape)
    return number(
        EcgWindows(
            signals=signals.astype(np.float32),
            labels=labels.astype(np.int64),
            patients=patients.astype(np.int64),
            sampling_rate=125.0,
            leads=tuple(f"L{lead}" for lead in range(leads)),
            classes=("N", "V"),
        )
    )


def synthetic(splits: Splits, copies: float, noise: float, seed: int) -> EcgWindows:
    """Fresh windows; a share of ``train`` is copied into it, so that 1 copies all of ``train``.

    Only where that share is not whole are there fresh windows beside the copies.
    """
    rng = np.random.default_rng([seed, 3])
    count = round(copies * len(splits.train))
    kept = splits.train.take(rng.permutation(len(splits.train))[:count])
    left = max(0, len(splits.fresh) - count)
    fresh = splits.fresh.take(rng.permutation(len(splits.fresh))[:left])
    signals = np.concatenate([kept.signals, fresh.signals])
    signals = signals + noise * rng.standard_normal(signals.shape)
    return splits.train.synthetic(signals, np.concatenate([kept.labels, fresh.labels]))


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make a comparison in which a known share of ``train`` was copied, under known noise (mV)."""
    kept: dict[tuple[int, int], tuple[Splits, Once]] = {}

    def make(*, copies: float, noise: float = 0.0, seed: int = 0, leads: int = 1) -> Comparison:
        if (seed, leads) not in kept:
            kept[seed, leads] = split(cohort(leads), seed), Once()
        splits, once = kept[seed, leads]
        return Comparison(
            synthetic=synthetic(splits, copies, noise, seed),
            splits=splits,
            seed=seed,
            headline_classes=splits.train.classes,
            once_per_seed=once,
        )

    return make
