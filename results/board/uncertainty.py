"""Intervals over people: a bootstrap of their contributions (docs/protocol.md, "Uncertainty")."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecgbench.results.store.records import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.contracts.contributions import Contributions

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20_030_303
"""One fixed seed: the same store gives the same board."""

MIN_PEOPLE = 6
"""For an interval, and two in each fold; a bootstrap over fewer promises more than it keeps."""

Better = Literal["higher", "lower"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One metric on one row: its values, and all that is known of their error.

    Attributes:
        seeds: of the cells, ascending; the parity of a seed is its fold.
        values: float64, shape (seed,).
        resampled: float64, shape (resample,), the value (the mean over seeds) in each bootstrap
            resample of people; None without contributions, or with fewer people than `MIN_PEOPLE`.
        people: how many the resamples are over.
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
        """Standard deviation over seeds within folds, pooled; None if no fold has two seeds."""
        variance = variance_within(self.values, self.seeds)
        return None if variance is None else float(np.sqrt(variance))


def intervals(samples: Sequence[Sample | None]) -> list[tuple[float, float] | None]:
    """Return the interval over people of each sample; None without one.

    The ends are the bootstrap's percentiles, further out for few people, to keep the level of a mean
    (the expanded percentile interval; Hesterberg 2014, arXiv:1411.5279): plain percentiles belong to a
    normal distribution, not to Student's, and to a variance too small by (n − folds) / n.
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
    """Return the number of folds, 1 or 2, of these seeds."""
    return len({seed % 2 for seed in seeds})


@lru_cache(maxsize=64)
def fold_weights(seeds: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the weight of each seed in a mean of equal folds: the folds' difference is no noise."""
    fold = np.array(seeds) % 2
    weights = np.array(1 / (folds(seeds) * np.bincount(fold)[fold]), dtype=np.float64)
    weights.flags.writeable = False
    return weights


class Resamples:
    """Bootstrap resamples of a board's people, the same for every score.

    Args:
        people: all people with contributions to any score, ascending.
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
        """Return how often each of these people is drawn, shape (1 + resample, person); first, each once.

        A resample without any of them has each of them once, too.
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
    """Return the values of one metric on one row, with their resamples.

    Args:
        values: by seed.
        of_seed: contributions by seed, which make the values; without those of a seed there is no
            interval.
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


def variance_within(
    values: NDArray[np.float64], seeds: Sequence[int]
) -> NDArray[np.float64] | None:
    """Return the variance over seeds (the last axis) within folds, pooled; None if no fold has two."""
    freedom = len(seeds) - folds(seeds)
    if not freedom:
        return None
    fold = np.array(seeds) % 2
    squares = [
        ((of_fold - of_fold.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
        for of_fold in (values[..., fold == each] for each in np.unique(fold))
    ]
    return np.asarray(np.sum(squares, axis=0) / freedom)
