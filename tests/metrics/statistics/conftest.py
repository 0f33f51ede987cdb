"""A simulated cohort of beats, and generators of known quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from ecgbench import Splits

Row = Literal["fresh", "copy", "noisy", "noise", "collapsed"]


class Cell(Protocol):
    def __call__(
        self, row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1
    ) -> Comparison: ...


class Pair(Protocol):
    def __call__(self, control: np.ndarray, synthetic: np.ndarray) -> Comparison: ...


def windows(signals: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> EcgWindows:
    return number(
        EcgWindows(
            signals=signals.astype(np.float32),
            labels=labels.astype(np.int64),
            patients=patients.astype(np.int64),
            sampling_rate=100.0,
            leads=tuple(f"L{lead}" for lead in range(signals.shape[1])),
            classes=("N", "V"),
        )
    )


def cohort(leads: int) -> EcgWindows:
    """Sixteen people with beats of their own shape, 150 each: an R and a T wave under noise."""
    rng = np.random.default_rng([leads, 7])
    patients = np.repeat(np.arange(1, 17), 150)
    labels = rng.choice(2, size=len(patients), p=(0.8, 0.2))
    time = np.linspace(-0.3, 0.5, 80)
    heights = np.array([1.1, 0.3]) * np.exp(0.3 * rng.standard_normal((17, leads, 2)))[patients]
    heights = heights * (1 + 0.05 * rng.standard_normal((len(patients), 1, 2)))
    places = np.array([0.0, 0.27]) + 0.005 * rng.standard_normal((len(patients), 1, 2))
    widths = np.where(labels == 1, 3, 1)[:, None, None, None] * np.array([0.015, 0.05])
    waves = np.exp(-0.5 * ((time[:, None] - places[:, :, None]) / widths) ** 2)
    signals = (heights[:, :, None] * waves).sum(axis=3)
    signals += 0.01 * rng.standard_normal(signals.shape)
    return windows(signals, labels, patients)


def generate(splits: Splits, row: Row, sigma: float, seed: int) -> np.ndarray:
    """Windows of the classes of ``fresh``: real ones, copies of ``train``, noise, one per class."""
    rng = np.random.default_rng([seed, 3])
    fresh, train = splits.fresh, splits.train
    if row == "fresh":
        return fresh.signals
    if row == "noise":
        return np.asarray(train.signals.std() * rng.standard_normal(fresh.signals.shape))
    rows = np.empty(len(fresh), dtype=np.int64)
    for label in (0, 1):
        of_class = np.flatnonzero(fresh.labels == label)
        rows[of_class] = rng.permutation(np.flatnonzero(train.labels == label))[: len(of_class)]
        if row == "collapsed":
            rows[of_class] = rows[of_class[0]]
    noise = sigma * train.signals.std() if row == "noisy" else 0.0
    return train.signals[rows] + noise * rng.standard_normal(fresh.signals.shape)


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make the comparison of a row; ``sigma`` is a noisy copy's noise, in deviations of the signal."""
    kept: dict[tuple[int, int], tuple[Splits, Once]] = {}

    def make(row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1) -> Comparison:
        if (seed, leads) not in kept:
            kept[seed, leads] = split(cohort(leads), seed), Once()
        splits, once = kept[seed, leads]
        signals = generate(splits, row, sigma, seed)
        return Comparison(
            synthetic=splits.fresh.synthetic(signals, splits.fresh.labels),
            splits=splits,
            seed=seed,
            headline_classes=splits.fresh.classes,
            once_per_seed=once,
        )

    return make


@pytest.fixture(scope="session")
def pair() -> Pair:
    """Make the comparison of any two sets of windows, of one class and six people."""

    def make(control: np.ndarray, synthetic: np.ndarray) -> Comparison:
        from ecgbench import Splits

        real = windows(control, np.zeros(len(control)), 1 + np.arange(len(control)) % 6)
        return Comparison(
            synthetic=real.synthetic(synthetic, np.zeros(len(synthetic), dtype=np.int64)),
            splits=Splits(train=real, control=real, auxiliary=real, fresh=real, test=real, fold=0),
            seed=0,
            headline_classes=("N",),
        )

    return make
