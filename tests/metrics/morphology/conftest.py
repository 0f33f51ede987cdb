"""Beats as sums of Gaussians, and a simulated cohort with generators of known quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pytest

from ecgbench import Comparison
from ecgbench.datasets.ecgsyn import EcgsynConfig
from ecgbench.datasets.ecgsyn.cohort import load
from ecgbench.harness.data.split import number, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Splits

Row = Literal["fresh", "copy", "noisy", "noise"]


class MakeBeats(Protocol):
    def __call__(
        self, rate: float = 250.0, count: int = 1, *, at: float = 0.4, **waves: float
    ) -> NDArray[np.float32]: ...


class Cell(Protocol):
    def __call__(self, row: Row, *, sigma: float = 0.3, seed: int = 0) -> Comparison: ...


@pytest.fixture(scope="session")
def beats() -> MakeBeats:
    """Make windows of 1 s, all with the same beat, R at ``at`` s.

    ``p``, ``q``, ``r``, ``s``, ``t`` are heights in mV, ``pr`` and ``rt`` the seconds between the
    peaks; ``wide`` stretches the QRS complex; ``noise`` is a deviation in mV.
    """

    def make(
        rate: float = 250.0, count: int = 1, *, at: float = 0.4, **waves: float
    ) -> NDArray[np.float32]:
        given = {"p": 0.15, "q": -0.1, "r": 1.2, "s": -0.25, "t": 0.3, "pr": 0.16, "rt": 0.27}
        given |= {"wide": 1.0, "noise": 0.003} | waves
        time = np.arange(round(rate)) / rate - at
        signal = np.zeros_like(time)
        for height, place, width in (
            (given["p"], -given["pr"], 0.02),
            (given["q"], -0.025 * given["wide"], 0.007 * given["wide"]),
            (given["r"], 0.0, 0.01 * given["wide"]),
            (given["s"], 0.028 * given["wide"], 0.008 * given["wide"]),
            (given["t"], given["rt"], 0.04),
        ):
            signal += height * np.exp(-0.5 * ((time - place) / width) ** 2)
        rng = np.random.default_rng(0)
        noise = given["noise"] * rng.standard_normal((count, len(time)))
        return (signal + noise).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def cell() -> Cell:
    """Make the comparison of a row of the cohort `ecgsyn`; ``sigma`` in deviations of the signal."""
    kept: dict[int, Splits] = {}

    def make(row: Row, *, sigma: float = 0.3, seed: int = 0) -> Comparison:
        if seed not in kept:
            kept[seed] = split(number(load(EcgsynConfig(patients=30, beats=120), None)), seed)
        splits = kept[seed]
        rng = np.random.default_rng([seed, 3])
        fresh, train = splits.fresh, splits.train
        signals = fresh.signals
        if row in ("copy", "noisy"):
            signals = np.empty_like(signals)
            for label in np.unique(fresh.labels):
                of_class = fresh.labels == label
                rows = rng.choice(np.flatnonzero(train.labels == label), int(of_class.sum()))
                signals[of_class] = train.signals[rows]
        noise = train.signals.std() * rng.standard_normal(signals.shape)
        signals = {"noisy": signals + sigma * noise, "noise": noise}.get(row, signals)
        return Comparison(
            synthetic=fresh.synthetic(signals, fresh.labels),
            splits=splits,
            seed=seed,
            headline_classes=("N", "S", "V"),
        )

    return make
