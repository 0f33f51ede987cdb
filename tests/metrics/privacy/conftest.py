"""A simulated cohort with known truth, and generators that memorise a known share of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from ecgbench import Comparison, EcgWindows, Score
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split
from ecgbench.metrics.privacy import CopiedShareConfig
from ecgbench.metrics.privacy.copied_share import copied_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """Return copies of the share ``copies`` of ``train``, filled up with fresh windows."""
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
    """Make a comparison with copies of a known share of ``train``, under known noise (mV)."""
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


def beats(seed: int = 0) -> Splits:
    """Return 60 beats of each of ten people: five waves of the person, varied by beat, under noise."""
    rng = np.random.default_rng([seed, 11])
    patients = np.repeat(np.arange(10), 60)
    time = (np.arange(128) - 48) / 125
    places = np.array([-0.2, -0.03, 0.0, 0.03, 0.28])
    heights = np.array([0.2, -0.3, 1.5, -0.4, 0.4])
    widths = np.array([0.03, 0.012, 0.012, 0.014, 0.06])
    place = places + np.array([1, 0.2, 0, 0.2, 1]) * (
        0.02 * rng.standard_normal((10, 5))[patients] + 0.01 * rng.standard_normal((600, 5))
    )
    height = heights * np.exp(
        0.4 * rng.standard_normal((10, 5))[patients] + 0.15 * rng.standard_normal((600, 5))
    )
    distance = (time - place[..., None]) / widths[:, None]
    signals = (height[..., None] * np.exp(-(distance**2) / 2)).sum(axis=1)
    signals += 0.005 * rng.standard_normal(signals.shape)
    return split(
        number(
            EcgWindows(
                signals=signals[:, None].astype(np.float32),
                labels=np.zeros(600, dtype=np.int64),
                patients=patients,
                sampling_rate=125.0,
                leads=("II",),
                classes=("beat",),
            )
        ),
        seed,
    )


def compare(splits: Splits, signals: NDArray[np.floating], seed: int = 0) -> Comparison:
    labels = np.zeros(len(signals), dtype=np.int64)
    return Comparison(
        synthetic=splits.train.synthetic(signals, labels),
        splits=splits,
        seed=seed,
        headline_classes=splits.train.classes,
    )


def score(comparison: Comparison, config: CopiedShareConfig | None = None) -> Score:
    return copied_share(comparison, config or CopiedShareConfig())


def moved(signals: NDArray[np.floating], samples: float, speed: float) -> NDArray[np.floating]:
    time = np.arange(signals.shape[2])
    places = np.clip(48 + (time - 48 - samples) * speed, 0, len(time) - 1)
    return np.asarray(CubicSpline(time, signals, axis=2)(places))


def spliced(signals: NDArray[np.floating], *, cut: int) -> NDArray[np.floating]:
    """Return windows that go on as another person's from sample ``cut``, without a jump."""
    other = np.roll(signals, len(signals) // 2, axis=0)[:, :, cut:]
    after = other - other[:, :, :1] + signals[:, :, cut - 1 : cut]
    return np.concatenate([signals[:, :, :cut], after], axis=2)
