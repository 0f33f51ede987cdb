"""The simulated cohort of the other metrics of privacy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from ecgbench import Splits
from ecgbench.contracts.comparison import Once
from tests.metrics.privacy.conftest import cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ecgbench import Comparison, Contributions, EcgWindows
    from ecgbench.contracts.comparison import Side
    from tests.metrics.privacy.conftest import Cell

__all__ = ["cell"]


class NoiseCell(Protocol):
    def __call__(self, *, seed: int = 0, leads: int = 1) -> Comparison: ...


@pytest.fixture(scope="session")
def noise_cell(cell: Cell) -> NoiseCell:
    """Make a comparison with white noise of the real windows' deviation."""

    def make(*, seed: int = 0, leads: int = 1) -> Comparison:
        comparison = cell(copies=0, seed=seed, leads=leads)
        rng = np.random.default_rng([seed, 8])
        signals = comparison.splits.train.signals
        noise = signals.std() * rng.standard_normal(comparison.synthetic.signals.shape)
        return with_synthetic(comparison, noise)

    return make


def with_synthetic(
    comparison: Comparison, signals: NDArray[np.floating], labels: NDArray[np.int64] | None = None
) -> Comparison:
    """Return the same cell of a generator of these windows."""
    if labels is None:
        labels = comparison.synthetic.labels
    made = comparison.splits.train.synthetic(signals, labels)
    return replace(comparison, synthetic=made, _memo={})


def changed(comparison: Comparison, change: Callable[[EcgWindows], EcgWindows]) -> Comparison:
    """Return the same cell with all windows, real and synthetic, changed."""
    names = ("train", "control", "auxiliary", "fresh", "test")
    splits = {name: change(getattr(comparison.splits, name)) for name in names}
    return replace(
        comparison,
        synthetic=change(comparison.synthetic),
        splits=Splits(fold=comparison.splits.fold, **splits),
        once_per_seed=Once(),
        _memo={},
    )


def flat(comparison: Comparison, side: Side) -> NDArray[np.float64]:
    """The windows of a side, a row each."""
    signals = comparison.windows(side).signals
    return np.asarray(signals.reshape(len(signals), -1), dtype=np.float64)


def influences(contributions: Contributions, step: float = 1e-4) -> NDArray[np.float64]:
    """Return the moves of the value, by the contributions, if a person weighs so much more."""
    weights = np.ones((len(contributions.people),) * 2) + step * np.eye(len(contributions.people))
    return np.asarray(contributions.evaluate(weights) - contributions.evaluate()[0])
