"""A simulated cohort of beats, and generators of known quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pytest

from ecgbench import Comparison, EcgWindows
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Splits

Row = Literal["fresh", "copy", "noisy", "noise", "collapsed"]
CLASSES = ("N", "S", "V", "F")


class Cell(Protocol):
    def __call__(
        self, row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1, **more: object
    ) -> Comparison: ...


def cohort(leads: int) -> EcgWindows:
    """Twenty-four people with beats of their own shape, 100 each: sums of Gaussians under noise."""
    rng = np.random.default_rng([leads, 7])
    patients = np.repeat(np.arange(1, 25), 100)
    labels = rng.choice(4, size=len(patients), p=(0.55, 0.15, 0.22, 0.08))
    time = np.linspace(-0.4, 0.6, 50)
    places = np.array([-0.17, 0.0, 0.03, 0.27])  # P, R, S, T
    widths = np.array([0.03, 0.02, 0.02, 0.06])
    heights = np.array([0.15, 1.1, -0.25, 0.3])
    own = np.exp(0.35 * rng.standard_normal((25, leads, 4)))[patients] * heights
    beat = (0.03 * rng.standard_normal((len(patients), 1, 4)) + 1) * own
    wide = np.where(labels >= 2, np.where(labels == 2, 3.0, 1.8), 1.0)[:, None, None]
    beat[..., 0] *= np.where(labels == 0, 1.0, np.where(labels == 1, -0.6, 0.1))[:, None]
    beat[..., 3] *= np.where(labels == 2, -1.2, 1.0)[:, None]
    shifts = 0.008 * rng.standard_normal((len(patients), 1, 4))
    stretch = np.concatenate([np.ones_like(wide), wide, wide, np.ones_like(wide)], axis=2)
    distance = time - (places + shifts)[..., None]
    waves = np.exp(-0.5 * (distance / (widths * stretch)[..., None]) ** 2)
    signals = (beat[..., None] * waves).sum(axis=2)
    signals += 0.02 * rng.standard_normal(signals.shape)
    return number(
        EcgWindows(
            signals=signals.astype(np.float32),
            labels=labels.astype(np.int64),
            patients=patients.astype(np.int64),
            sampling_rate=50.0,
            leads=tuple(f"L{lead}" for lead in range(leads)),
            classes=CLASSES,
        )
    )


def generate(splits: Splits, row: Row, sigma: float, seed: int) -> NDArray[np.float32]:
    """Windows of the classes of ``fresh``: real ones, copies of ``train``, noise, one per class."""
    rng = np.random.default_rng([seed, 3])
    fresh, train = splits.fresh, splits.train
    if row == "fresh":
        return fresh.signals
    deviation = train.signals.std()
    if row == "noise":
        return np.asarray(deviation * rng.standard_normal(fresh.signals.shape), dtype=np.float32)
    rows = np.empty(len(fresh), dtype=np.int64)
    for label in np.unique(fresh.labels):
        of_class = np.flatnonzero(fresh.labels == label)
        rows[of_class] = rng.permutation(np.flatnonzero(train.labels == label))[: len(of_class)]
        if row == "collapsed":
            rows[of_class] = rows[of_class[0]]
    noise = sigma * deviation if row == "noisy" else 0.0
    signals = train.signals[rows]
    return (signals + noise * rng.standard_normal(signals.shape)).astype(np.float32)


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make the comparison of a row; ``sigma`` is a noisy copy's noise, in deviations of the signal."""
    kept: dict[tuple[int, int], tuple[Splits, Once]] = {}

    def make(
        row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1, **more: object
    ) -> Comparison:
        if (seed, leads) not in kept:
            kept[seed, leads] = split(cohort(leads), seed), Once()
        splits, once = kept[seed, leads]
        values: dict[str, object] = {
            "synthetic": splits.fresh.synthetic(
                generate(splits, row, sigma, seed), splits.fresh.labels
            ),
            "splits": splits,
            "seed": seed,
            "headline_classes": CLASSES[:3],
            "once_per_seed": once,
        }
        return Comparison(**(values | more))  # type: ignore[arg-type]

    return make
