"""Samples for tests of what boards compute: of people, of seeds alone, or with a known error."""

from __future__ import annotations

import numpy as np

from ecgbench.results.board.uncertainty import RESAMPLES, Resamples, Sample, sample
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.records import ContributionsRecord


def by_person(values: np.ndarray, people: np.ndarray) -> ContributionsRecord:
    return ContributionsRecord(
        people=people.tolist(),
        numerators=values[:, None].tolist(),
        denominators=np.ones((len(values), 1)).tolist(),
        coefficients=[1.0],
        offset=0.0,
    )


def sample_of(values: dict[int, np.ndarray], resamples: Resamples) -> Sample:
    """A mean over people in each seed; seeds of a parity are of the same people."""
    count = len(resamples.people)
    folds = len({seed % 2 for seed in values})
    records = {
        seed: by_person(of_seed, np.arange(seed % 2 if folds > 1 else 0, count, folds))
        for seed, of_seed in values.items()
    }
    return sample_from({seed: float(v.mean()) for seed, v in values.items()}, records, resamples)


def sample_from(
    values: dict[int, float], records: dict[int, ContributionsRecord], resamples: Resamples
) -> Sample:
    found = {seed: contributions(record, values[seed]) for seed, record in records.items()}
    return sample(values, found, resamples)


def only_values(*values: float, seeds: tuple[int, ...] = (0, 1)) -> Sample:
    return Sample(seeds=seeds, values=np.resize(np.array(values), len(seeds)))


def drawn(
    value: float, error: float, seeds: tuple[int, ...] = (0, 1), noise: float = 0.0
) -> Sample:
    """A value with this standard error over 43 people, and this deviation over seeds."""
    normal = np.random.default_rng(0).normal(size=RESAMPLES)
    scale = error * np.sqrt(41 / 43)
    return Sample(
        seeds=seeds,
        values=value + noise * np.resize([1.0, 1.0, -1.0, -1.0], len(seeds)),
        resampled=value + scale * (normal - normal.mean()) / normal.std(),
        people=43,
    )
