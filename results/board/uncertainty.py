"""Intervals over people, and ranks that respect them (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecgbench.results.store.records import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.contracts.contributions import Contributions

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20_030_303
"""One fixed seed: the same store gives the same board."""

MIN_PEOPLE = 6
"""For an interval, and two in each fold; a bootstrap over fewer promises more than it keeps."""

FLIPS = 10_000
"""Of the roles of people; p-values go down to one in so many."""

FLIPPED_TERMS = 3
"""That `role_flips` reads of each person's contributions."""

LEAST_P = 1e-9
"""Smaller p-values are zero."""

CANCELLED = 1e-4
"""Of a sum: what a difference has to leave of it to be known to eleven digits."""

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
        """The interval over people (`intervals`)."""
        return intervals([self])[0]

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds within folds, pooled; None where no fold has two seeds."""
        variance = _variance_within(self.values, self.seeds)
        return None if variance is None else float(np.sqrt(variance))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One row's value less another's on one metric, paired by person and seed.

    Attributes:
        value: zero where it is one of rounding.
        errors: variance and its degrees of freedom, of each source of error that is known: people, and
            seeds within folds.
    """

    value: float
    errors: tuple[tuple[float, float], ...]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval over people and seeds; None where nothing is known of the error."""
        if not self.errors:
            return None
        margin = self._margin(1 - LEVEL)
        return self.value - margin, self.value + margin

    @property
    def is_told(self) -> bool:
        """Whether p is as small as the level asks, which is soon seen."""
        size = abs(self.value)
        return bool(self.errors) and size > 0 and self._margin(1 - LEVEL) <= size

    @property
    def p(self) -> float | None:
        """Of no difference, two-sided, zero below `LEAST_P`; None where nothing is known of the error."""
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
        """What a difference of none exceeds with probability ``p`` or less.

        √ Σ t² variance, with the t of each variance's own degrees of freedom (Banerjee, Sankhyā
        22:357, 1960).  It errs on the safe side whatever share each variance has, because the
        distribution function of χ² with one degree of freedom is concave.  Degrees of freedom from the
        estimated shares (`_freedom`) need the mean over many pairs: of one pair, with two seeds a fold
        and p = .05 / 13, they let up to six times as many false alarms pass.
        """
        from scipy.special import stdtrit  # noqa: PLC0415 - as above

        terms = (variance * stdtrit(freedom, p / 2) ** 2 for variance, freedom in self.errors)
        return math.sqrt(sum(terms))


def intervals(samples: Sequence[Sample | None]) -> list[tuple[float, float] | None]:
    """The interval over people of each sample; None where there is none.

    The bootstrap's percentiles, taken so far out that a mean over few people keeps its level (the
    expanded percentile interval; Hesterberg 2014, arXiv:1411.5279): plain percentiles are those of a
    normal distribution, not of Student's, and of a variance too small by (n − folds) / n.
    """
    found: list[tuple[float, float] | None] = [None] * len(samples)
    alike: dict[tuple[int, int], list[int]] = {}
    for place, sample in enumerate(samples):
        if sample is not None and sample.resampled is not None:
            alike.setdefault((sample.people, folds(sample.seeds)), []).append(place)
    if not alike:
        return found
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415 - boards without people need no scipy

    for (people, folded), places in alike.items():
        freedom = people - folded
        t = stdtrit(freedom, (1 - LEVEL) / 2)
        tail = float(ndtr(t * math.sqrt(people / freedom)))
        resampled = np.array([s.resampled for p in places if (s := samples[p]) is not None])
        ends = np.quantile(resampled, [tail, 1 - tail], axis=1, overwrite_input=True)
        for place, low, high in zip(places, *ends.tolist(), strict=True):
            found[place] = low, high
    return found


def folds(seeds: Sequence[int]) -> int:
    """How many folds, 1 or 2, these seeds are of."""
    return len({seed % 2 for seed in seeds})


@lru_cache(maxsize=64)
def fold_weights(seeds: tuple[int, ...]) -> NDArray[np.float64]:
    """The weight of each seed in a mean in which folds weigh equally: their difference is no noise."""
    fold = np.array(seeds) % 2
    weights = np.array(1 / (folds(seeds) * np.bincount(fold)[fold]), dtype=np.float64)
    weights.flags.writeable = False
    return weights


class Resamples:
    """Bootstrap resamples of a board's people, the same for every score.

    Args:
        people: all who contributed to any score, ascending.
    """

    def __init__(self, people: NDArray[np.int64]) -> None:
        self.people = people
        self._weights = np.zeros((0, 1 + RESAMPLES))
        if len(people):
            share = np.full(len(people), 1 / len(people))
            draws = np.random.default_rng(SEED).multinomial(len(people), share, size=RESAMPLES)
            self._weights = np.vstack([np.ones(len(people)), draws]).T.copy()
        self._kept: dict[bytes, NDArray[np.float64]] = {}

    def weights(self, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """How often each of these people is drawn, shape (1 + resample, person); first, each once.

        A resample that drew none of them says nothing of them, and has each of them once too.
        """
        key = people.tobytes()
        if key not in self._kept:
            weights = self._weights[np.searchsorted(self.people, people)]
            weights[:, ~weights.any(axis=0)] = 1.0
            self._kept[key] = weights.T
        return self._kept[key]


def sample(
    values: Mapping[int, float],
    of_seed: Mapping[int, Contributions],
    resamples: Resamples,
) -> Sample:
    """What is known of one metric on one row.

    Args:
        values: by seed.
        of_seed: contributions by seed, which make the values; where a seed has none there is no interval.
        resamples: of the board's people.
    """
    seeds = tuple(sorted(values))
    known = Sample(seeds=seeds, values=np.array([values[seed] for seed in seeds]))
    if not all(seed in of_seed for seed in seeds):
        return known
    resampled = np.zeros(RESAMPLES)
    people: dict[int, set[int]] = {}
    for seed, weight in zip(seeds, fold_weights(seeds).tolist(), strict=True):
        found = of_seed[seed]
        with np.errstate(all="ignore"):
            resampled += weight * found.evaluate(resamples.weights(found.people))[1:]
        of_value = found.people[found.denominators.any(axis=1)]
        people.setdefault(seed % 2, set()).update(of_value.tolist())
    counted = len(set().union(*people.values()))
    if counted < MIN_PEOPLE or min(map(len, people.values())) < 2:
        return known
    if not (np.abs(resampled) <= MOST).all():
        return known
    return replace(known, resampled=resampled, people=counted)


def difference(first: Sample, second: Sample) -> Difference:
    """The first row's value less the second's, both of the same seeds."""
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
    """Ranks of the competitors on one metric: 1 + the number that are significantly better.

    Two competitors are compared by a two-sided t test of their difference.  Its variance is that of
    the difference over the resamples of people (the same for both, so it is paired by person), plus
    that of the differences over seeds within folds, where a fold has two.  The p-values of all pairs
    are corrected together (Holm 1979).  Where nothing is known of the error (no people, and one seed
    a fold) the values decide.

    Two of unlike seeds are compared on those that both have; with none in common they are not told apart.

    A competitor without a value is behind all that have one.  Its pairs still count, in the
    correction and as the noisiest over seeds, so that its absence makes no other pair significant:
    it can only lose by it.

    Args:
        samples: of each competitor; None if it failed, was skipped or is missing.
        better: the metric's direction.
        of_seeds: gives the samples over some seeds alone, None for one that lacks any of them; needed
            where the seeds are not the same.
        tests: of the board, so that a pair is tested once.
    """
    known = [place for place, sample in enumerate(samples) if sample is not None]
    absent = np.array([sample is None for sample in samples])
    behind = absent[:, None] & ~absent[None, :]
    if len(known) > 1:
        i, j = np.triu_indices(len(known), k=1)
        present = [sample for sample in samples if sample is not None]
        pairs = len(samples) * (len(samples) - 1) // 2
        p, favour = _of_pairs(known, present, pairs, of_seeds, tests or Tests())
        differ = np.isnan(p) | _significant(np.where(np.isnan(p), 1.0, p), pairs)
        i_lost = favour < 0 if better == "higher" else favour > 0
        worse, other = np.where(i_lost, (i, j), (j, i))[:, differ & (favour != 0)]
        behind[np.take(known, worse), np.take(known, other)] = True
    better_ones: list[int] = behind.sum(axis=1).tolist()
    return [1 + count for count in better_ones]


def _of_pairs(
    known: Sequence[int],
    present: Sequence[Sample],
    pairs: int,
    of_seeds: Callable[[tuple[int, ...]], Sequence[Sample | None]] | None,
    tests: Tests,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The p-value of each pair and its difference, on the seeds that both have; 1 and 0 without any."""
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
            found = of_seeds(tuple(sorted(seeds)))
            rows = [found[place] for place in known]
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
    """Of the pairs (i, j), out of so many ``pairs``; NaN where nothing is known of the error."""
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
    """Each pair's difference, its variance over people with the degrees of freedom, and over seeds.

    The difference is zero where it is one of rounding; the variance over people and its freedom are 0
    where nothing is known of them; that over seeds is None where no fold has two.
    """
    seeds = samples[0].seeds
    weights = fold_weights(seeds)
    values = np.array([sample.values for sample in samples])
    difference = (values[i] - values[j]) @ weights
    scale = np.abs(values).max(axis=1)
    rounding = np.abs(difference) <= 1e-9 * np.maximum(scale[i], scale[j])
    of_seeds = _variance_within(values[i] - values[j], seeds)
    return (
        np.where(rounding, 0.0, difference),
        *_variance_of_people(samples, i, j),
        None if of_seeds is None else of_seeds * (weights**2).sum(),
    )


def _variance_of_people(
    samples: Sequence[Sample], i: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of each pair's difference over people, and its degrees of freedom; 0 and 0 if unknown."""
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
    """Variance of row i less row j, of each pair.

    Of many pairs it is the sum of the variances less twice the covariance, which is one product of
    matrices; where that leaves so little of the sum that rounding tells, it is computed as of few pairs.
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
    """Degrees of freedom of each pair's variance (Satterthwaite 1946).

    The share that seeds have in it is the mean over all pairs: of one pair, a variance over few seeds
    is so often small by chance that 15 equal competitors raised a false alarm in one board of ten.
    """
    shares = np.divide(of_seeds, total, out=np.zeros_like(total), where=total > 0)
    share = (shares.sum() + pairs - len(shares)) / pairs
    people = np.maximum(over_people, 1)
    both = 1 / ((1 - share) ** 2 / people + share**2 / over_seeds)
    return np.where(over_people > 0, np.minimum(both, people), over_seeds)


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
    return np.asarray(holm(p, count) <= 1 - LEVEL)


def role_flips(found: Mapping[int, Contributions]) -> float | None:
    """One-sided p of the hypothesis that no generator knows who its members were.

    Each person was a member in one fold and unseen in the other.  The difference of the person's ranks,
    as a member less as unseen, among all people by distance to the synthetic windows, has either sign
    with equal probability if the generator learnt nothing of the members, whatever the people are
    like.  The statistic is the sum of these differences over people and over the pairs of seeds 2k and
    2k + 1; p is the share of `FLIPS` random flips of people's signs that come out as low or lower,
    the one observed counted.

    Args:
        found: by seed; terms are the members', the unseen people's, and each one's distance.

    Returns:
        None where no pair of seeds is complete, or fewer than two people are in both.
    """
    total: dict[int, float] = {}
    for seed in found:
        if seed % 2 or seed + 1 not in found:
            continue
        ranks, member = [], []
        shared = np.intersect1d(found[seed].people, found[seed + 1].people)
        for each in (found[seed], found[seed + 1]):
            rows = np.searchsorted(each.people, shared)
            ranks.append(_ranked(each.numerators[:, 2])[rows] / len(each.people))
            member.append(each.denominators[rows, 0] > 0)
        swapped = member[0] != member[1]
        nearer = np.where(member[0], ranks[0] - ranks[1], ranks[1] - ranks[0])
        for person, value in zip(shared[swapped].tolist(), nearer[swapped].tolist(), strict=True):
            total[person] = total.get(person, 0.0) + value
    if len(total) < 2:
        return None
    values = np.array([total[person] for person in sorted(total)])
    return float((1 + np.sum(_signs(len(values)) @ values <= values.sum() + 1e-12)) / (1 + FLIPS))


@lru_cache(maxsize=1)
def _signs(people: int) -> NDArray[np.float64]:
    """The signs of `FLIPS` random flips, the same for every row."""
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(FLIPS, people))
    signs.flags.writeable = False
    return signs


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 by ascending value; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[place])


def holm(p: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The p-values, corrected for ``count`` hypotheses (Holm 1979); those not given have p = 1."""
    ascending = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[ascending] = np.maximum.accumulate(p[ascending] * (count - np.arange(len(p))))
    return np.minimum(corrected, 1.0)


def order(means: Sequence[float]) -> list[int]:
    """Ranks 1, 2, … by ascending mean rank; equal means share a rank."""
    wanted = np.array(means, dtype=np.float64)
    before: list[int] = np.searchsorted(np.sort(wanted), wanted - 1e-9).tolist()
    return [1 + count for count in before]
