"""The utility–privacy Pareto front of a board (docs/protocol.md, "The front")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench.contracts.families import FAMILIES
from ecgbench.results.board.pairs import Tests, holm
from ecgbench.results.board.uncertainty import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ecgbench.results.board.table import Row
    from ecgbench.results.board.uncertainty import Sample
    from ecgbench.results.store.records import MetricRecord

AIMS: tuple[str, ...] = tuple(name for name, family in FAMILIES.items() if family.on_front)
"""The families between which a generator must choose."""


def front(
    metrics: Mapping[str, MetricRecord],
    rows: Sequence[Row],
    samples: Mapping[str, Sequence[Sample | None]],
    tests: Tests | None = None,
) -> list[str]:
    """Return the competitors that no other dominates.

    One dominates another if it is significantly better by some metric of utility or privacy and
    significantly worse by none, as `ecgbench.results.board.compare.summarise` sums metrics up: each better by
    some is *mixed*, and neither dominates.  The test is the one of the ranks, its p-values corrected
    together for all pairs and metrics of both families: corrected for each pair alone, they would push
    one of a dozen equal competitors off the front of 46 to 80 boards in 100.  If no metric of a
    family is tested, because nothing is known of its error, nobody dominates by the other.

    A competitor without a value of another's is not on the front and dominates nobody, so a failure
    wins nothing.  A competitor with a value still to do is not on it either, and counts for nobody.

    Args:
        metrics: of the board, by label.
        rows: of the board, with their scores.
        samples: of each row, by metric label.
        tests: of the board: a pair is tested once.

    Returns:
        Labels in the order of ``rows``; none without ranked metrics of both families.
    """
    labels = [k for k, metric in metrics.items() if metric.ranked and metric.family in AIMS]
    places = [
        place
        for place, row in enumerate(rows)
        if row.competes and all(row.scores[k].status != "todo" for k in labels)
    ]
    of_metric = {
        label: known
        for label in labels
        if any(known := [_if_ok(rows[place], label, samples[label][place]) for place in places])
    }
    families = [metrics[label].family for label in of_metric]
    if not set(AIMS) <= set(families):
        return []
    tests = tests or Tests()
    p = np.array([_p(of_row, tests) for of_row in of_metric.values()])
    ahead = np.array([_ahead(known, metrics[k].better) for k, known in of_metric.items()])
    wins = (ahead & _differ(p)).any(axis=0)
    tested = [~np.isnan(p[np.array(families) == aim]).all(axis=0) for aim in AIMS]
    complete = np.array([all(of_row) for of_row in zip(*of_metric.values(), strict=True)])
    dominates = wins & ~wins.T & np.all(tested, axis=0) & complete[:, None]
    on_it = complete & ~dominates.any(axis=0)
    return [rows[place].label for place, on in zip(places, on_it, strict=True) if on]


def _if_ok(row: Row, label: str, sample: Sample | None) -> Sample | None:
    return sample if row.scores[label].status == "ok" else None


def _p(samples: Sequence[Sample | None], tests: Tests) -> NDArray[np.float64]:
    """Return p of each pair on one metric, symmetric; NaN without a value or without a known error."""
    p = np.full((len(samples), len(samples)), np.nan)
    known = np.flatnonzero([sample is not None for sample in samples])
    if len(known) > 1:
        i, j = np.triu_indices(len(known), k=1)
        present = [sample for sample in samples if sample is not None]
        of_pairs = tests.p(present, len(samples) * (len(samples) - 1) // 2)
        p[known[i], known[j]] = p[known[j], known[i]] = of_pairs
    return p


def _ahead(samples: Sequence[Sample | None], better: str) -> NDArray[np.bool_]:
    """Return whether the row's value is better than the column's."""
    values = np.array([np.nan if sample is None else sample.value for sample in samples])
    favour = values if better == "higher" else -values
    return np.asarray(favour[:, None] > favour[None, :])


def _differ(p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pairs differ on which metric, all corrected together; an untested pair has p = 1."""
    i, j = np.triu_indices(p.shape[1], k=1)
    pairs = np.nan_to_num(p[:, i, j], nan=1.0)
    differ = np.zeros(p.shape, dtype=bool)
    differ[:, i, j] = holm(pairs.ravel(), pairs.size).reshape(pairs.shape) <= 1 - LEVEL
    return differ | differ.transpose(0, 2, 1)
