"""Intervals over people, and ranks that respect them (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecgbench import Contributions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.records import ContributionsRecord

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20_030_303
"""One fixed seed: the same store gives the same board."""

Better = Literal["higher", "lower"]


def resample(people: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each person is drawn in each bootstrap resample, shape (resample, person)."""
    rng = np.random.default_rng(SEED)
    share = np.full(len(people), 1 / len(people))
    return rng.multinomial(len(people), share, size=RESAMPLES).astype(np.float64)


def contributions(record: ContributionsRecord) -> Contributions:
    """The record as arrays."""
    return Contributions(
        people=np.array(record.people, dtype=np.int64),
        numerators=np.array(record.numerators, dtype=np.float64),
        denominators=np.array(record.denominators, dtype=np.float64),
        coefficients=np.array(record.coefficients, dtype=np.float64),
        offset=record.offset,
    )


def over_folds(values: Mapping[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean over seeds within each fold, then over folds: a difference of folds is no noise.

    Args:
        values: by seed, each a value or an array of resampled values.
    """
    folds = [
        np.mean([value for seed, value in values.items() if seed % 2 == fold], axis=0)
        for fold in (0, 1)
        if any(seed % 2 == fold for seed in values)
    ]
    return np.asarray(np.mean(folds, axis=0))


def spread(values: Mapping[int, float]) -> float | None:
    """Standard deviation over seeds within folds, pooled; None where no fold has two seeds."""
    squares, freedom = 0.0, 0
    for fold in (0, 1):
        of_fold = np.array([value for seed, value in values.items() if seed % 2 == fold])
        if len(of_fold) > 1:
            squares += float(((of_fold - of_fold.mean()) ** 2).sum())
            freedom += len(of_fold) - 1
    return (squares / freedom) ** 0.5 if freedom else None


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The percentile interval of level `LEVEL`."""
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def ranks(
    values: Sequence[float | None],
    resampled: Sequence[NDArray[np.float64] | None],
    better: Better,
) -> list[int]:
    """Ranks of the competitors on one metric: 1 + the number that are significantly better.

    Two competitors with resampled values are compared on the same resamples, which pairs them by
    person and seed; the two-sided p-values of all pairs (normal, with the bootstrap's standard error
    of the difference) are corrected together (Holm 1979).
    Two of which one has none (a metric without contributions, a dataset of one person) are compared
    by value.  A competitor without a value is behind all that have one.

    Args:
        values: of each competitor; None if it failed, was skipped or is missing.
        resampled: of each competitor, shape (resample,), or None.
        better: the metric's direction.
    """
    sign = 1.0 if better == "higher" else -1.0
    count = len(values)
    pairs: list[tuple[int, int, float]] = []
    behind = np.zeros((count, count), dtype=bool)
    for i in range(count):
        for j in range(i + 1, count):
            a, b = values[i], values[j]
            if a is None or b is None:
                behind[i, j], behind[j, i] = (
                    a is None and b is not None,
                    a is not None and b is None,
                )
                continue
            x, y = resampled[i], resampled[j]
            if x is None or y is None:
                behind[i, j], behind[j, i] = sign * a < sign * b, sign * a > sign * b
                continue
            pairs.append((i, j, _p_value(a - b, float((x - y).std()))))
    for i, j in _significant(pairs):
        i_is_worse = sign * (values[i] or 0.0) < sign * (values[j] or 0.0)
        behind[(i, j) if i_is_worse else (j, i)] = True
    return [1 + int(row.sum()) for row in behind]


def _p_value(difference: float, error: float) -> float:
    if not difference:
        return 1.0
    return math.erfc(abs(difference) / error / math.sqrt(2)) if error else 0.0


def _significant(pairs: list[tuple[int, int, float]]) -> list[tuple[int, int]]:
    """The pairs that Holm's step-down procedure calls different at 1 − `LEVEL`."""
    found = []
    for step, (i, j, p) in enumerate(sorted(pairs, key=lambda pair: pair[2])):
        if p > (1 - LEVEL) / (len(pairs) - step):
            break
        found.append((i, j))
    return found


def order(means: Sequence[float]) -> list[int]:
    """Ranks 1, 2, … by ascending mean rank; equal means share a rank."""
    return [1 + sum(bool(other < mean - 1e-9) for other in means) for mean in means]
