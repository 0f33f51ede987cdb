"""Two rows on one board, to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.results.board.compare import Compared, compare

if TYPE_CHECKING:
    from ecgbench.results.board.compare import Verdict
    from ecgbench.results.store.records import ContributionsRecord
    from tests.results.conftest import Bench

SEEDS = tuple(range(6))
PEOPLE = np.random.default_rng(0).normal(size=40)
FAILED, SKIPPED = ("failed", "no memory"), ("skipped", "it does not apply")


def people(bench: Bench, mean: float, row: int, seed: int) -> ContributionsRecord:
    """A mean over 20 people a fold, who are much the same in every row and seed."""
    noise = np.random.default_rng([row, seed]).normal(scale=0.01, size=40)
    members = range(seed % 2, 40, 2)
    return bench.by_person({person: mean + PEOPLE[person] + noise[person] for person in members})


def row(bench: Bench, mean: float, number: int = 0) -> dict[int, ContributionsRecord]:
    return {seed: people(bench, mean, number, seed) for seed in SEEDS}


def both(bench: Bench, a: str = "a", b: str = "b") -> Compared:
    """The comparison on the store's only board that has both."""
    (found,), _ = compare(bench.store, a, b, bench.catalogue)
    return found


def verdicts(compared: Compared) -> dict[str, Verdict | None]:
    return {label: finding.verdict for label, finding in compared.findings.items()}
