"""Samples and scores of boards, for their tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ecgbench.results.board.uncertainty import RESAMPLES, Resamples, Sample, sample
from ecgbench.results.store.contributions import contributions
from ecgbench.results.store.records import ContributionsRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.results.board.table import Board, BoardScore
    from tests.results.conftest import Bench


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


def draws_of_people() -> list[NDArray[np.float64]]:
    """The share of each of 20 people of each fold in a resample; first, in the value."""
    resamples = Resamples(np.arange(40))
    weights = [resamples.weights(np.arange(fold, 40, 2)) for fold in (0, 1)]
    return [of_fold / of_fold.sum(axis=1, keepdims=True) for of_fold in weights]


def rows_of(
    people: NDArray[np.float64],
    training: NDArray[np.float64],
    draws: list[NDArray[np.float64]],
) -> list[Sample]:
    """Rows on a metric that is a mean over 20 people a fold.

    Args:
        people: shape (row, 40), the value of each person; those of even places are of fold 0.
        training: shape (row, seed), what training adds.
        draws: `draws_of_people`.
    """
    first, second = (of_fold @ people[:, fold::2].T for fold, of_fold in enumerate(draws))
    seeds = training.shape[1]
    return [
        Sample(
            seeds=tuple(range(seeds)),
            values=np.resize([first[0, row], second[0, row]], seeds) + noise,
            resampled=(first[1:, row] + second[1:, row]) / 2 + noise.mean(),
            people=40,
        )
        for row, noise in enumerate(training)
    ]


def people(bench: Bench, mean: float, seed: int = 0, count: int = 20) -> ContributionsRecord:
    """A mean over people that are the same whatever the mean is."""
    own = np.random.default_rng(0).normal(size=2 * count)
    noise = np.random.default_rng([1, seed]).normal(scale=0.01, size=2 * count)
    members = range(seed % 2, 2 * count, 2)
    return bench.by_person({person: mean + own[person] + noise[person] for person in members})


def score(board: Board, row: str, metric: str = "mmd") -> BoardScore:
    """The score of the row with this label."""
    (chosen,) = [other for other in board.rows if other.label == row]
    return chosen.scores[metric]


def ranks_of(board: Board, family: str = "overall") -> dict[str, int]:
    """Ranks of the competitors by label."""
    return {row.label: row.ranks[family] for row in board.competitors}


def change(bench: Bench, metric: str, seed: int, **fields: Any) -> None:
    """Change the score of the only row on a seed."""
    (cell,) = [name for name in bench.store.cell_names() if f"/seed-{seed}-" in name]
    (record,) = [each for each in bench.store.scores(cell) if each.metric.name == metric]
    bench.store.write_score(msgspec.structs.replace(record, **fields))
