"""Critical differences of average ranks over datasets (Demšar, JMLR 7:1–30, 2006)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.results.board.labels import labels
from ecgbench.results.board.uncertainty import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.table import Board, Row
    from ecgbench.results.store.records import GeneratorRecord

DATASETS = 10
"""So many at least: the tests are approximations for many datasets."""


@dataclass(frozen=True, kw_only=True)
class Critical:
    """The competitors of one study with the same settings, over datasets.

    Attributes:
        key: of study and settings, as of the boards.
        study: its name.
        datasets: their boards have all these competitors.
        ranks: average overall rank by label, the best first; ties share the mean of their ranks.
        statistic: Friedman's, as corrected by Iman and Davenport: F with k − 1 and (k − 1)(N − 1) degrees
            of freedom for k competitors and N datasets.
        p: the p-value of equal competitors.
        difference: Nemenyi's critical difference: average ranks this far apart differ.
        groups: labels without a significant difference, each group as large as it can be; all in one if
            the competitors may all be equal.
        left_out: labels of competitors without a rank on some of the datasets.
        other_datasets: those without some of the competitors.
    """

    key: str
    study: str
    datasets: tuple[str, ...]
    ranks: dict[str, float]
    statistic: float
    p: float
    difference: float
    groups: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    other_datasets: tuple[str, ...]


def critical(boards: Sequence[Board]) -> list[Critical]:
    """Return one for each study and settings with `DATASETS` datasets or more.

    Raises:
        UsageError: there is none.
    """
    studies: dict[str, list[Board]] = {}
    for board in boards:
        studies.setdefault(board.key, []).append(board)
    diagrams, lacking = [], []
    for of_study in studies.values():
        ranks = _overall(of_study)
        chosen = _chosen(list(ranks.values()))
        datasets = [name for name, of_dataset in ranks.items() if chosen <= of_dataset.keys()]
        if chosen and len(datasets) >= DATASETS:
            diagrams.append(_critical(of_study, ranks, chosen, datasets))
        else:
            lacking.append(_lacking(of_study[0].study, len(ranks), len(datasets)))
    if not diagrams:
        raise UsageError(
            f"a critical-difference diagram needs {DATASETS} datasets or more, each with the same two "
            f"competitors or more: {'; '.join(dict.fromkeys(lacking))}"
        )
    return diagrams


def _lacking(study: str, ranked: int, shared: int) -> str:
    datasets = f"{ranked} dataset{'' if ranked == 1 else 's'}"
    shares = f", {shared} of them with the same competitors" if shared < ranked else ""
    return f"study {study} has {datasets} with ranks{shares}"


def _overall(boards: Sequence[Board]) -> dict[str, dict[str, int]]:
    """Return overall ranks by dataset and generator key, of boards with ranks."""
    overall: dict[str, dict[str, int]] = {}
    for board in boards:
        # of several rows of one key, submitted windows of one name, the worst counts: it comes last
        ranks = {
            _identity(row).key: row.ranks["overall"]
            for row in board.competitors
            if "overall" in row.ranks
        }
        # a dataset with other data or another version is no other dataset
        if len(ranks) > max(1, len(overall.get(board.dataset.name, ()))):
            overall[board.dataset.name] = ranks
    return overall


def _identity(row: Row) -> GeneratorRecord:
    """Return the generator; submitted windows have none of their settings, digests unlike on each dataset."""
    generator = row.generator
    return msgspec.structs.replace(generator, settings={}) if generator.submitted else generator


def _chosen(of_datasets: Sequence[Mapping[str, int]]) -> frozenset[str]:
    """Return the set of competitors with the most ranks on the datasets that have all of it.

    A set with `DATASETS` such datasets is preferred.
    """
    sets = [frozenset(of_dataset) for of_dataset in of_datasets]
    candidates = {a & b for a in sets for b in sets}
    if sets:
        candidates.add(frozenset.intersection(*sets))

    def worth(chosen: frozenset[str]) -> tuple[bool, int, list[str]]:
        complete = sum(chosen <= of_dataset for of_dataset in sets)
        return complete >= DATASETS, complete * len(chosen), sorted(chosen)

    enough = [candidate for candidate in candidates if len(candidate) > 1]
    return max(enough, key=worth, default=frozenset())


def _critical(
    boards: Sequence[Board],
    overall: Mapping[str, Mapping[str, int]],
    chosen: frozenset[str],
    datasets: Sequence[str],
) -> Critical:
    from scipy.stats import rankdata  # noqa: PLC0415 - boards need none

    generators = {_identity(row).key: _identity(row) for b in boards for row in b.competitors}
    names = labels(generators.values())
    keys = sorted(chosen, key=names.__getitem__)
    ranks = np.array([rankdata([overall[name][key] for key in keys]) for name in datasets])
    means = ranks.mean(axis=0)
    statistic, p = friedman(ranks)
    difference = critical_difference(len(keys), len(datasets))
    ordered = {names[keys[place]]: float(means[place]) for place in means.argsort(kind="stable")}
    ranked = {key for of_dataset in overall.values() for key in of_dataset}
    return Critical(
        key=boards[0].key,
        study=boards[0].study,
        datasets=tuple(datasets),
        ranks=ordered,
        statistic=statistic,
        p=p,
        difference=difference,
        groups=groups(ordered, difference) if p <= 1 - LEVEL else (tuple(ordered),),
        left_out=tuple(sorted(names[key] for key in ranked - chosen)),
        other_datasets=tuple(name for name in overall if name not in datasets),
    )


def friedman(ranks: NDArray[np.float64]) -> tuple[float, float]:
    """Return Friedman's test with Iman and Davenport's correction (Commun Stat A 9:571, 1980).

    χ² = (k − 1) Σⱼ (Rⱼ − N (k + 1) / 2)² / (Σ r² − N k (k + 1)² / 4), Rⱼ the sum of a competitor's ranks;
    it allows for ties.  F = (N − 1) χ² / (N (k − 1) − χ²).

    Args:
        ranks: shape (dataset, competitor); ties share the mean of their ranks.

    Returns:
        F and its p-value.
    """
    from scipy.stats import f  # noqa: PLC0415 - as above

    n, k = ranks.shape
    spread = (ranks**2).sum() - n * k * (k + 1) ** 2 / 4
    if spread == 0:
        return 0.0, 1.0
    chi2 = (k - 1) * ((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum() / spread
    rest = n * (k - 1) - chi2
    statistic = (n - 1) * chi2 / rest if rest > 1e-9 else np.inf
    return float(statistic), float(f.sf(statistic, k - 1, (k - 1) * (n - 1)))


def critical_difference(competitors: int, datasets: int) -> float:
    """Return Nemenyi's critical difference: q √(k (k + 1) / (6 N)), q the studentised range's quantile over √2."""
    from scipy.stats import studentized_range  # noqa: PLC0415 - as above

    q = studentized_range.ppf(LEVEL, competitors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(competitors * (competitors + 1) / (6 * datasets)))


def groups(ranks: Mapping[str, float], difference: float) -> tuple[tuple[str, ...], ...]:
    """Return groups of labels with average ranks less than this apart, each as large as it can be.

    Args:
        ranks: by label, ascending.
        difference: the critical one.

    >>> groups({"a": 1.0, "b": 1.8, "c": 2.5, "d": 5.0}, 1.0)
    (('a', 'b'), ('b', 'c'), ('d',))
    """
    largest: list[tuple[str, ...]] = []
    for first in ranks.values():
        group = tuple(k for k, rank in ranks.items() if first <= rank < first + difference)
        if not largest or group[-1] != largest[-1][-1]:
            largest.append(group)
    return tuple(largest)
