"""A simulated cohort of beats and generators of known quality, and clouds of points as embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ecgbench import Comparison, EcgWindows
from ecgbench.contracts.comparison import Once
from ecgbench.harness.data.split import number, split
from ecgbench.nn import Encoder, EncoderConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Splits

Row = Literal["fresh", "copy", "noisy", "smooth", "shrunk", "repeated", "collapsed", "noise"]
CLASSES = ("N", "V")


class Cell(Protocol):
    def __call__(
        self, row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1, **more: object
    ) -> Comparison: ...


class Clouds(Protocol):
    def __call__(self, control: np.ndarray, synthetic: np.ndarray) -> Comparison: ...


def cohort(leads: int) -> EcgWindows:
    """Twenty people with beats of their own shape, 120 each: sums of Gaussians under noise."""
    rng = np.random.default_rng([leads, 8])
    patients = np.repeat(np.arange(1, 21), 120)
    labels = (rng.random(len(patients)) < 0.25).astype(np.int64)
    own = np.exp(0.35 * rng.standard_normal((21, leads, 3)))[patients] * (0.15, 1.1, 0.3)
    heights = own * (1 + 0.05 * rng.standard_normal((len(patients), 1, 3)))
    widths = np.where(labels == 1, 0.06, 0.02)[:, None] * (0, 1, 0) + np.array([0.03, 0, 0.06])
    places = np.array([-0.17, 0.0, 0.27]) + 0.008 * rng.standard_normal((len(patients), 3))
    distance = np.linspace(-0.4, 0.6, 50) - places[..., None]
    waves = np.exp(-0.5 * (distance / widths[..., None]) ** 2)
    signals = np.einsum("wlh,wht->wlt", heights, waves)
    signals += 0.02 * rng.standard_normal(signals.shape)
    return number(windows(signals, labels, patients))


def windows(signals: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> EcgWindows:
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=labels.astype(np.int64),
        patients=patients.astype(np.int64),
        sampling_rate=50.0,
        leads=tuple(f"L{lead}" for lead in range(signals.shape[1])),
        classes=CLASSES,
    )


def generate(splits: Splits, row: Row, sigma: float, seed: int) -> NDArray[np.floating]:
    """Windows of the classes of ``fresh``: real ones, distorted ones, copies of ``train``."""
    rng = np.random.default_rng([seed, 3])
    fresh, train = splits.fresh, splits.train
    white = train.signals.std() * rng.standard_normal(fresh.signals.shape)
    rows = np.empty(len(fresh), dtype=np.int64)
    means = np.empty(fresh.signals.shape)
    for label in np.unique(fresh.labels):
        of_class = np.flatnonzero(fresh.labels == label)
        drawn = rng.permutation(np.flatnonzero(train.labels == label))
        few = {"collapsed": 1, "repeated": max(1, len(of_class) // 10)}.get(row, len(drawn))
        rows[of_class] = np.resize(drawn[:few], len(of_class))
        means[of_class] = fresh.signals[of_class].mean(axis=0)
    copies = train.signals[rows]
    made: dict[Row, NDArray[np.floating]] = {
        "fresh": fresh.signals,
        "noisy": copies + sigma * white,
        "smooth": np.asarray(gaussian_filter1d(fresh.signals, 1.0, axis=2)),
        "shrunk": (fresh.signals + means) / 2,
        "noise": white,
    }
    return made.get(row, copies)


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make the comparison of a row; ``sigma`` is a noisy copy's noise, in deviations of the signal."""
    kept: dict[tuple[int, int], tuple[Splits, Once, Encoder]] = {}
    quick = EncoderConfig(steps=150, width=8)

    def make(
        row: Row, *, seed: int = 0, leads: int = 1, sigma: float = 0.1, **more: object
    ) -> Comparison:
        if (seed, leads) not in kept:
            splits = split(cohort(leads), seed)
            encoder = Encoder(splits.auxiliary, quick, seed=seed).fit()
            kept[seed, leads] = splits, Once(), encoder
        splits, once, encoder = kept[seed, leads]
        values: dict[str, object] = {
            "synthetic": splits.fresh.synthetic(
                generate(splits, row, sigma, seed), splits.fresh.labels
            ),
            "splits": splits,
            "seed": seed,
            "headline_classes": CLASSES,
            "once_per_seed": once,
            "_memo": {"encoder": encoder},
        }
        return Comparison(**(values | more))  # type: ignore[arg-type]

    return make


@pytest.fixture
def clouds(cell: Cell) -> Clouds:
    """A comparison whose windows are embedded at given points (window, dimension).

    Windows belong to ten people in turn, synthetic ones copy the signals of ``control`` in turn.
    """

    def make(control: np.ndarray, synthetic: np.ndarray) -> Comparison:
        from dataclasses import replace

        people = np.arange(len(control)) % 10
        signals = people[:, None, None] + np.zeros((1, 1, 50))
        real = windows(signals, np.zeros(len(control)), people)
        behind = np.arange(len(synthetic)) % min(10, len(control))
        made = real.synthetic(
            behind[:, None, None] + np.zeros((1, 1, 50)), np.zeros(len(synthetic), dtype=np.int64)
        )
        splits = replace(cell("fresh").splits, control=real)
        comparison = cell("fresh", splits=splits, synthetic=made, once_per_seed=Once())
        comparison.memo("embeddings control", lambda: control)
        comparison.memo("embeddings synthetic", lambda: synthetic)
        return comparison

    return make
