"""Intervals over people, and ranks that respect them (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ecgbench.results.records import ContributionsRecord

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20_030_303
"""One fixed seed: the same store gives the same board."""

MIN_PEOPLE = 8
"""In one fold; a bootstrap of fewer promises more than it keeps (tests measure its coverage)."""

Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One metric on one row: what is known of its value and of the value's error.

    Attributes:
        seeds: of the cells, ascending; the parity of a seed is its fold.
        values: float64, shape (seed,).
        resampled: float64, shape (resample,), the value (the mean over seeds) in each bootstrap
            resample of people; None without contributions, or with fewer people than `MIN_PEOPLE`.
        people: whom the resamples are of.
    """

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    resampled: NDArray[np.float64] | None = None
    people: int = 0

    @property
    def value(self) -> float:
        """The mean over seeds, folds weighing equally."""
        return float(fold_weights(self.seeds) @ self.values)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval over people.

        The bootstrap's percentiles, taken so far out that a mean over few people keeps its level
        (the expanded percentile interval; Hesterberg 2015, The American Statistician 69:371,
        section 5.3): the bootstrap's variance is too small by (n - folds) / n, and its tails are
        those of a normal rather than of a t distribution.
        """
        if self.resampled is None:
            return None
        from scipy.special import ndtr, stdtrit  # noqa: PLC0415 - boards without people need no scipy

        freedom = self.people - folds(self.seeds)
        t = stdtrit(freedom, (1 - LEVEL) / 2)
        tail = float(ndtr(t * math.sqrt(self.people / freedom)))
        low, high = np.quantile(self.resampled, [tail, 1 - tail])
        return float(low), float(high)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds within folds, pooled; None where no fold has two seeds."""
        variance = _variance_within(self.values, self.seeds)
        return None if variance is None else float(np.sqrt(variance))


def folds(seeds: Sequence[int]) -> int:
    """How many folds, 1 or 2, these seeds are of."""
    return len({seed % 2 for seed in seeds})


def fold_weights(seeds: Sequence[int]) -> NDArray[np.float64]:
    """The weight of each seed in a mean in which folds weigh equally: their difference is no noise."""
    fold = np.array(seeds) % 2
    return np.array(1 / (folds(seeds) * np.bincount(fold)[fold]), dtype=np.float64)


def resample(people: int) -> NDArray[np.float64]:
    """How often each person is drawn in each bootstrap resample, shape (person, resample)."""
    draws = np.random.default_rng(SEED).multinomial(people, [1 / people] * people, size=RESAMPLES)
    return np.ascontiguousarray(draws.T, dtype=np.float64)


def evaluate(
    records: Sequence[ContributionsRecord],
    people: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values that contributions make (`ecgbench.Contributions`), with and without weights.

    A ratio that a resample leaves without anybody in its denominator keeps its value over all
    people: such a resample says nothing of it.

    Args:
        records: one or more contributions.
        people: int64, shape (person,), ascending; all that occur in them.
        weights: of people, shape (person, resample).

    Returns:
        the values, shape (record,), and under each resample, shape (record, resample).

    Raises:
        ValueError: a record's lists do not belong together.
    """
    tops = np.concatenate([_by_person(r, r.numerators, people) for r in records], axis=1).T
    bottoms = np.concatenate([_by_person(r, r.denominators, people) for r in records], axis=1).T
    coefficients = np.concatenate([r.coefficients for r in records])[:, None]
    starts = np.cumsum([0, *(len(r.coefficients) for r in records[:-1])])
    offsets = np.array([r.offset for r in records])[:, None]
    top, bottom = tops.sum(axis=1, keepdims=True), bottoms.sum(axis=1, keepdims=True)
    whole = np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)
    drawn = bottoms @ weights
    ratios = np.divide(
        tops @ weights, drawn, out=np.repeat(whole, weights.shape[1], axis=1), where=drawn != 0
    )
    values = offsets + np.add.reduceat(coefficients * whole, starts)
    return values[:, 0], offsets + np.add.reduceat(coefficients * ratios, starts)


def _by_person(
    record: ContributionsRecord, rows: list[list[float]], people: NDArray[np.int64]
) -> NDArray[np.float64]:
    """One side of the ratios, shape (person, term); zero for people who are not in it."""
    shape = (len(record.people), len(record.coefficients))
    given = np.array(rows, dtype=np.float64)
    if given.shape != shape or not given.size or len(set(record.people)) != shape[0]:
        raise ValueError(f"its contributions have shape {given.shape}; {shape} is wanted")
    found = np.zeros((len(people), shape[1]))
    found[np.searchsorted(people, record.people)] = given
    return found


def ranks(samples: Sequence[Sample | None], better: Better) -> list[int]:
    """Ranks of the competitors on one metric: 1 + the number that are significantly better.

    Two competitors are compared by a two-sided t test of their difference.  Its variance is that of
    the difference over the bootstrap's resamples of people (the same resamples for both, so it is
    paired by person), plus that of the differences over seeds within folds, where a fold has two; the
    degrees of freedom are Satterthwaite's (1946).  The p-values of all pairs are corrected together
    (Holm 1979).  Where nothing is known of the error (no people, and one seed a fold), the values
    decide.

    A competitor without a value is behind all that have one; its pairs count in the correction, so
    that its absence makes no other pair significant, and it can only lose by being absent.

    Args:
        samples: of each competitor, all of the same seeds; None if it failed, was skipped or is
            missing.
        better: the metric's direction.
    """
    behind = np.zeros((len(samples), len(samples)), dtype=bool)
    known = np.array([i for i, sample in enumerate(samples) if sample is not None], dtype=np.int64)
    present = [sample for sample in samples if sample is not None]
    behind[np.ix_(np.setdiff1d(np.arange(len(samples)), known), known)] = True
    if len(known) > 1:
        i, j = np.triu_indices(len(known), k=1)
        values = np.array([sample.value for sample in present])
        difference = values[i] - values[j]
        p = _p_values(present, difference, i, j)
        pairs = len(samples) * (len(samples) - 1) // 2
        lost = difference < 0 if better == "higher" else difference > 0
        worse, other = np.where(lost, known[i], known[j]), np.where(lost, known[j], known[i])
        differ = _significant(p, pairs)
        behind[worse[differ], other[differ]] = True
    return [1 + int(row.sum()) for row in behind]


def _p_values(
    samples: list[Sample],
    difference: NDArray[np.float64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Of each pair (i, j); 0 where nothing is known of the error of a difference."""
    from scipy.special import stdtr  # noqa: PLC0415 - one competitor needs no scipy

    seeds, pairs = samples[0].seeds, len(i)
    variance, freedom = np.zeros((2, pairs)), np.ones((2, pairs))
    with_people = np.array([sample.resampled is not None for sample in samples])
    of_people = with_people[i] & with_people[j]
    if of_people.any():
        resampled = np.array([s.resampled for s in samples if s.resampled is not None])
        place = np.cumsum(with_people) - 1
        people = np.array([sample.people for sample in samples])
        n = np.minimum(people[i], people[j])[of_people]
        freedom[0, of_people] = n - folds(seeds)
        paired = resampled[place[i[of_people]]] - resampled[place[j[of_people]]]
        variance[0, of_people] = paired.var(axis=1) * n / freedom[0, of_people]
    values = np.array([sample.values for sample in samples])
    of_seeds = _variance_within(values[i] - values[j], seeds)
    if of_seeds is not None:
        variance[1] = of_seeds * (fold_weights(seeds) ** 2).sum()
        freedom[1] = len(seeds) - folds(seeds)
    total = variance.sum(axis=0)
    scale = np.abs(values).max(axis=1)
    equal = np.abs(difference) <= 1e-9 * np.maximum(scale[i], scale[j])
    p = np.where(equal, 1.0, 0.0)
    test = ~equal & (total > 0)
    satterthwaite = total[test] ** 2 / (variance[:, test] ** 2 / freedom[:, test]).sum(axis=0)
    p[test] = 2 * stdtr(satterthwaite, -np.abs(difference[test]) / np.sqrt(total[test]))
    return p


def _variance_within(
    values: NDArray[np.float64], seeds: Sequence[int]
) -> NDArray[np.float64] | None:
    """Variance over seeds (the last axis) within folds, pooled; None where no fold has two seeds."""
    freedom = len(seeds) - folds(seeds)
    if not freedom:
        return None
    fold = np.array(seeds) % 2
    squares = [
        ((of_fold - of_fold.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
        for of_fold in (values[..., fold == each] for each in np.unique(fold))
    ]
    return np.asarray(np.sum(squares, axis=0) / freedom)


def _significant(p: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Which of ``count`` hypotheses Holm's step-down procedure rejects; those not given have p = 1."""
    found = np.zeros(len(p), dtype=bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] > (1 - LEVEL) / (count - step):
            break
        found[place] = True
    return found


def order(means: Sequence[float]) -> list[int]:
    """Ranks 1, 2, … by ascending mean rank; equal means share a rank."""
    return [1 + sum(bool(other < mean - 1e-9) for other in means) for mean in means]
