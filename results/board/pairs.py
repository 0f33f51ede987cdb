"""Tests of two rows against each other, and ranks by them (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.board.uncertainty import (
    LEVEL,
    RESAMPLES,
    fold_weights,
    folds,
    variance_within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.uncertainty import Better, Sample

LEAST_P = 1e-9
"""Smaller p-values are zero."""

CANCELLED = 1e-4
"""The share of a sum that a difference must leave to be known to eleven digits."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One row's value less another's on one metric, paired by person and seed.

    Attributes:
        value: zero if the difference is one of rounding.
        errors: variance and its degrees of freedom, of each known source of error: people, and seeds
            within folds.
    """

    value: float
    errors: tuple[tuple[float, float], ...]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval over people and seeds; None if nothing is known of the error."""
        if not self.errors:
            return None
        margin = self._margin(1 - LEVEL)
        return self.value - margin, self.value + margin

    @property
    def is_told(self) -> bool:
        """Whether p is as small as the level asks; fast, since it needs no p."""
        size = abs(self.value)
        return bool(self.errors) and size > 0 and self._margin(1 - LEVEL) <= size

    @property
    def p(self) -> float | None:
        """The two-sided p of no difference, zero below `LEAST_P`; None if nothing is known of the error."""
        from scipy.optimize import brentq  # noqa: PLC0415 - boards need none

        size = abs(self.value)
        if size == 0:
            return 1.0
        if not self.errors:
            return None
        if self._margin(LEAST_P) <= size:
            return 0.0
        return float(brentq(lambda p: self._margin(p) - size, LEAST_P, 1.0))

    def _margin(self, p: float) -> float:
        """Return the margin of a difference of zero: it goes beyond with probability ``p`` or less.

        √ Σ t² variance, with the t of each variance's own degrees of freedom (Banerjee, Sankhyā
        22:357, 1960).  It errs on the safe side whatever share each variance has, because the
        distribution function of χ² with one degree of freedom is concave.  Degrees of freedom from the
        estimated shares (`_freedom`) need the mean over many pairs: of one pair, with two seeds a fold
        and p = .05 / 13, they let up to six times as many false alarms pass.
        """
        from scipy.special import stdtrit  # noqa: PLC0415 - as above

        terms = (variance * stdtrit(freedom, p / 2) ** 2 for variance, freedom in self.errors)
        return math.sqrt(sum(terms))


def difference(first: Sample, second: Sample) -> Difference:
    """Return the first row's value less the second's, both of the same seeds."""
    values, of_people, over_people, of_seeds = _paired(
        [first, second], np.array([0]), np.array([1])
    )
    errors = []
    if over_people[0]:
        errors.append((float(of_people[0]), float(over_people[0])))
    if of_seeds is not None:
        errors.append((float(of_seeds[0]), float(len(first.seeds) - folds(first.seeds))))
    return Difference(value=float(values[0]), errors=tuple(errors))


def ranks(
    samples: Sequence[Sample | None],
    better: Better,
    of_seeds: Callable[[tuple[int, ...]], Sequence[Sample | None]] | None = None,
    tests: Tests | None = None,
) -> list[int]:
    """Return the ranks of competitors on one metric: 1 + the number of significantly better ones.

    The arguments are those of `behind`.
    """
    better_ones: list[int] = behind(samples, better, of_seeds, tests).sum(axis=1).tolist()
    return [1 + count for count in better_ones]


def behind(
    samples: Sequence[Sample | None],
    better: Better,
    of_seeds: Callable[[tuple[int, ...]], Sequence[Sample | None]] | None = None,
    tests: Tests | None = None,
) -> NDArray[np.bool_]:
    """Return whether the competitor of the row is behind that of the column, on one metric.

    Two competitors are compared by a two-sided t test of their difference.  Its variance is the
    variance over the resamples of people (the same for both, so it is paired by person), plus the
    variance over seeds within folds, if a fold has two.  The p-values of all pairs are corrected
    together (Holm 1979).  If nothing is known of the error (no people, and one seed a fold) the values
    decide.

    Two of unlike seeds are compared on their common seeds; without any, no difference is seen.

    A competitor without a value is behind all others.  Its pairs still count, in the correction and as
    the noisiest over seeds: its absence makes no other pair significant, so it can only lose by it.

    Args:
        samples: of each competitor; None if it failed, was skipped or is missing.
        better: the metric's direction.
        of_seeds: gives the samples over some seeds alone, None for a row without one of them; needed
            for rows of unlike seeds.
        tests: of the board: a pair is tested once.

    Returns:
        Shape (competitor, competitor).
    """
    known = [place for place, sample in enumerate(samples) if sample is not None]
    absent = np.array([sample is None for sample in samples], dtype=bool)
    is_behind = np.asarray(absent[:, None] & ~absent[None, :])
    if len(known) > 1:
        i, j = np.triu_indices(len(known), k=1)
        present = [sample for sample in samples if sample is not None]
        pairs = len(samples) * (len(samples) - 1) // 2
        p, favour = _of_pairs(known, present, pairs, of_seeds, tests or Tests())
        differ = np.isnan(p) | _significant(np.where(np.isnan(p), 1.0, p), pairs)
        i_lost = favour < 0 if better == "higher" else favour > 0
        worse, other = np.where(i_lost, (i, j), (j, i))[:, differ & (favour != 0)]
        is_behind[np.take(known, worse), np.take(known, other)] = True
    return is_behind


def _of_pairs(
    known: Sequence[int],
    present: Sequence[Sample],
    pairs: int,
    of_seeds: Callable[[tuple[int, ...]], Sequence[Sample | None]] | None,
    tests: Tests,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the p-value and the difference of each pair on its common seeds; 1 and 0 without any."""
    i, j = np.triu_indices(len(present), k=1)
    p, difference = np.ones(len(i)), np.zeros(len(i))
    sets = {frozenset(sample.seeds): None for sample in present}
    if len(sets) == 1:
        values = np.array([sample.value for sample in present])
        return tests.p(present, pairs), values[i] - values[j]
    kinds = {seeds: kind for kind, seeds in enumerate(sets)}
    kind = np.array([kinds[frozenset(sample.seeds)] for sample in present])
    shared = [[a & b for b in sets] for a in sets]
    for seeds in dict.fromkeys(filter(None, chain.from_iterable(shared))):
        rows: Sequence[Sample | None] = present
        if any(own != seeds for own in sets):
            assert of_seeds is not None
            of_all_rows = of_seeds(tuple(sorted(seeds)))
            rows = [of_all_rows[place] for place in known]
        having = [place for place, row in enumerate(rows) if row is not None]
        a, b = np.triu_indices(len(having), k=1)
        chosen = [row for row in rows if row is not None]
        of_all = np.full((2, len(present), len(present)), np.nan)
        a_in, b_in = np.take(having, a), np.take(having, b)
        of_all[0, a_in, b_in] = tests.p(chosen, pairs)
        values = np.array([row.value for row in chosen])
        of_all[1, a_in, b_in] = values[a] - values[b]
        here = np.array([[each == seeds for each in of_a] for of_a in shared])[kind[i], kind[j]]
        p[here], difference[here] = of_all[:, i[here], j[here]]
    return p, difference


class Tests:
    """The p-values of all pairs of some samples, each computed once: by ranks and front of a board."""

    def __init__(self) -> None:
        self._kept: dict[tuple[tuple[Sample, ...], int], NDArray[np.float64]] = {}

    def p(self, samples: Sequence[Sample], pairs: int) -> NDArray[np.float64]:
        """`p_values` of the pairs in the order of ``numpy.triu_indices``."""
        key = (tuple(samples), pairs)
        if key not in self._kept:
            i, j = np.triu_indices(len(samples), k=1)
            self._kept[key] = p_values(samples, i, j, pairs)
        return self._kept[key]


def p_values(
    samples: Sequence[Sample], i: NDArray[np.int64], j: NDArray[np.int64], pairs: int
) -> NDArray[np.float64]:
    """Return p of the pairs (i, j), out of so many ``pairs``; NaN if nothing is known of the error."""
    from scipy.special import stdtr  # noqa: PLC0415 - one competitor needs no scipy

    seeds = samples[0].seeds
    difference, total, freedom, of_seeds = _paired(samples, i, j)
    known = freedom > 0
    if of_seeds is not None:
        known = np.ones_like(known)
        total = total + of_seeds
        freedom = _freedom(of_seeds, total, freedom, len(seeds) - folds(seeds), pairs)
    error = np.sqrt(total)
    t = np.divide(-np.abs(difference), error, out=np.full(len(i), -np.inf), where=error > 0)
    p = np.where(known, 2 * stdtr(np.maximum(freedom, 1), t), np.nan)
    return np.where(difference == 0, 1.0, p)


def _paired(
    samples: Sequence[Sample], i: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None
]:
    """Return each pair's difference, its variance over people with the degrees of freedom, and over seeds.

    A difference of rounding is zero.  The variance over people and its freedom are 0 if nothing is known
    of them.  The variance over seeds is None if no fold has two.
    """
    seeds = samples[0].seeds
    weights = fold_weights(seeds)
    values = np.array([sample.values for sample in samples])
    difference = (values[i] - values[j]) @ weights
    scale = np.abs(values).max(axis=1)
    rounding = np.abs(difference) <= 1e-9 * np.maximum(scale[i], scale[j])
    of_seeds = variance_within(values[i] - values[j], seeds)
    return (
        np.where(rounding, 0.0, difference),
        *_variance_of_people(samples, i, j),
        None if of_seeds is None else of_seeds * (weights**2).sum(),
    )


def _variance_of_people(
    samples: Sequence[Sample], i: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variance of each pair's difference over people with its freedom; 0 and 0 if unknown."""
    folded = folds(samples[0].seeds)
    people = np.array([sample.people for sample in samples], dtype=np.float64)
    none = np.zeros(RESAMPLES)
    resampled = np.array([none if s.resampled is None else s.resampled for s in samples])
    n = np.minimum(people[i], people[j])
    freedom = np.where(n > 0, n - folded, 0.0)
    variance = np.zeros(len(i))
    known = n > 0
    of_pairs = _variance_of_differences(resampled, i[known], j[known])
    variance[known] = of_pairs * n[known] / freedom[known]
    return variance, freedom


def _variance_of_differences(
    rows: NDArray[np.float64], i: NDArray[np.int64], j: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the variance of row i less row j, of each pair.

    Of many pairs it is the sum of the variances less twice the covariance: one product of matrices.  If
    that leaves so little of the sum that rounding matters, it is computed as of few pairs.
    """
    if len(i) <= len(rows):
        return np.asarray((rows[i] - rows[j]).var(axis=1))
    centred = rows - rows.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / rows.shape[1]
    own = covariance.diagonal()
    both = own[i] + own[j]
    variance = both - 2 * covariance[i, j]
    close = np.flatnonzero(variance <= CANCELLED * both)
    for some in np.array_split(close, 1 + len(close) // 1000):
        variance[some] = (rows[i[some]] - rows[j[some]]).var(axis=1)
    return np.asarray(variance)


def _freedom(
    of_seeds: NDArray[np.float64],
    total: NDArray[np.float64],
    over_people: NDArray[np.float64],
    over_seeds: int,
    pairs: int,
) -> NDArray[np.float64]:
    """Return the degrees of freedom of each pair's variance (Satterthwaite 1946).

    The share of seeds in it is the mean over all pairs.  In one pair, a variance over few seeds is often
    small by chance: with shares of pairs, 15 equal competitors raised a false alarm in one board of ten.
    """
    shares = np.divide(of_seeds, total, out=np.zeros_like(total), where=total > 0)
    share = (shares.sum() + pairs - len(shares)) / pairs
    people = np.maximum(over_people, 1)
    both = 1 / ((1 - share) ** 2 / people + share**2 / over_seeds)
    return np.where(over_people > 0, np.minimum(both, people), over_seeds)


def _significant(p: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Return the hypotheses of ``count`` that Holm's step-down procedure rejects; missing ones have p = 1."""
    return np.asarray(holm(p, count) <= 1 - LEVEL)


def holm(p: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the p-values, corrected for ``count`` hypotheses (Holm 1979); missing ones have p = 1."""
    ascending = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[ascending] = np.maximum.accumulate(p[ascending] * (count - np.arange(len(p))))
    return np.minimum(corrected, 1.0)


def order(means: Sequence[float]) -> list[int]:
    """Return ranks 1, 2, … by ascending mean rank; equal means share a rank."""
    wanted = np.array(means, dtype=np.float64)
    before: list[int] = np.searchsorted(np.sort(wanted), wanted - 1e-9).tolist()
    return [1 + count for count in before]
