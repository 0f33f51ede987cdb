"""The leaderboard, computed from a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from ecgbench.results import uncertainty
from ecgbench.results.records import (
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ecgbench.results.store import Store

Plugin = TypeVar("Plugin", bound=PluginRecord)

FAMILIES = ("fidelity", "diversity", "utility", "privacy", "cost")
OVERALL = ("fidelity", "diversity", "utility", "privacy")
"""The families whose ranks make the overall rank; what a model costs does not."""

WORST = {"ok": 0, "skipped": 1, "todo": 2, "failed": 3}


@dataclass(frozen=True, kw_only=True)
class BoardScore:
    """One metric on one row, over its seeds.

    Attributes:
        status: the worst of its seeds: ``ok``, ``skipped``, ``todo`` or ``failed``.
        value: mean over the seeds that have ended well, folds weighing equally; None without any.
        low: lower end of the interval over people; None where there is none.
        high: its upper end.
        spread: standard deviation over seeds within folds; None with one seed a fold.
        n: windows that each seed's value rests on.
        seeds: those that have ended well.
        reason: why it is not ``ok``.
        resampled: the value in each bootstrap resample.
    """

    status: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    n: int | None = None
    seeds: tuple[int, ...] = ()
    reason: str = ""
    resampled: NDArray[np.float64] | None = None


@dataclass(kw_only=True)
class Row:
    """One generator, with its settings, on a board.

    Attributes:
        generator: as it was used.
        label: its name, with a version where two rows would be called the same.
        scores: by metric label.
        ranks: by family, and ``overall``; None for reference rows.
    """

    generator: GeneratorRecord
    label: str
    scores: dict[str, BoardScore] = field(default_factory=dict)
    ranks: dict[str, int | None] = field(default_factory=dict)


@dataclass(kw_only=True)
class Board:
    """What one dataset, one study and the same settings say of the generators.

    Attributes:
        dataset: as used.
        study: its name.
        settings: what differs from the plugins' defaults.
        metrics: by label, in the order of families.
        rows: competitors by overall rank, then the reference rows.
        seeds: all that were asked for.
        people: how many people the intervals are over.
    """

    dataset: DatasetRecord
    study: str
    settings: dict[str, Any]
    metrics: dict[str, MetricRecord]
    rows: list[Row]
    seeds: tuple[int, ...]
    people: int

    @property
    def competitors(self) -> list[Row]:
        """The rows that are ranked."""
        return [row for row in self.rows if not row.generator.reference]

    @property
    def references(self) -> list[Row]:
        """The rows that calibrate the board."""
        return [row for row in self.rows if row.generator.reference]


def boards(store: Store, *, dataset: str | None = None, key: str | None = None) -> list[Board]:
    """All boards of a store, by dataset and study.

    Args:
        store: read only.
        dataset: the boards of this one only.
        key: the boards of this study with its settings only (`PlanRecord.board_key`).
    """
    groups: dict[tuple[str, str, str], list[tuple[PlanRecord, DatasetRecord]]] = {}
    for plan in store.plans():
        for used in plan.datasets:
            if (key is None or plan.board_key == key) and dataset in (None, used.name):
                group = (used.name, f"{plan.study} {plan.board_key}", used.key)
                groups.setdefault(group, []).append((plan, used))
    return [_board(store, group) for _, group in sorted(groups.items())]


def _board(store: Store, group: list[tuple[PlanRecord, DatasetRecord]]) -> Board:
    plans = [plan for plan, _ in group]
    dataset = group[0][1]
    metrics = _labelled(m for plan in plans for m in plan.metrics)
    metrics = dict(sorted(metrics.items(), key=lambda item: _family_place(item[1])))
    rows = [
        Row(generator=generator, label=label)
        for label, generator in _labelled(g for plan in plans for g in plan.generators).items()
    ]
    wanted = _wanted(group)
    seeds = sorted({seed for cells in wanted.values() for seed in cells})
    ended = {
        row.label: {
            seed: _ended(store, name, metrics)
            for seed, name in sorted(wanted.get(row.generator.key, {}).items())
        }
        for row in rows
    }
    rows = [row for row in rows if ended[row.label]]
    people = _people(s for by in ended.values() for scores in by.values() for s in scores.values())
    weights = uncertainty.resample(people) if len(people) > 1 else None
    for row in rows:
        for label, metric in metrics.items():
            of_seed = {seed: scores[label] for seed, scores in ended[row.label].items()}
            row.scores[label] = _summary(of_seed, metric, people, weights)
    board = Board(
        dataset=dataset,
        study=plans[0].study,
        settings=plans[0].settings,
        metrics=metrics,
        rows=rows,
        seeds=tuple(seeds),
        people=len(people),
    )
    _rank(board)
    return board


def _labelled(records: Iterable[Plugin]) -> dict[str, Plugin]:
    """Records by name; where unlike ones share it, by name and version or a key of the settings."""
    unlike: dict[str, dict[str, Plugin]] = {}
    for record in records:
        unlike.setdefault(record.name, {}).setdefault(record.key, record)
    labelled = {}
    for name, found in unlike.items():
        versions = {record.version for record in found.values()}
        for key, record in found.items():
            if len(found) == 1:
                labelled[name] = record
            elif len(versions) == len(found):
                labelled[f"{name} v{record.version}"] = record
            else:
                labelled[f"{name} v{record.version} {key[:4]}"] = record
    return labelled


def _wanted(group: list[tuple[PlanRecord, DatasetRecord]]) -> dict[str, dict[int, str]]:
    """Names of the cells that were asked for, by digest of the generator and by seed."""
    found: dict[str, dict[int, str]] = {}
    for plan, dataset in group:
        keys = [generator.key for generator in plan.generators]
        for cell in plan.cells:
            if plan.datasets[cell.dataset].key == dataset.key:
                found.setdefault(keys[cell.generator], {})[cell.seed] = cell.name
    return found


def _ended(
    store: Store, cell: str, metrics: dict[str, MetricRecord]
) -> dict[str, ScoreRecord | BoardScore]:
    """A cell's scores by metric label, with a status where there is no score."""
    record = store.cell(cell)
    if record is None:
        return dict.fromkeys(metrics, BoardScore(status="todo", reason="not run yet"))
    if record.status != "ok":
        return dict.fromkeys(metrics, BoardScore(status=record.status, reason=record.reason))
    missing = BoardScore(status="todo", reason="not scored yet")
    return {label: store.score(cell, metric) or missing for label, metric in metrics.items()}


def _people(scores: Iterable[ScoreRecord | BoardScore]) -> NDArray[np.int64]:
    found: set[int] = set()
    for score in scores:
        if isinstance(score, ScoreRecord) and score.contributions is not None:
            found.update(score.contributions.people)
    return np.array(sorted(found), dtype=np.int64)


def _summary(
    of_seed: dict[int, ScoreRecord | BoardScore],
    metric: MetricRecord,
    people: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> BoardScore:
    """One metric on one row."""
    status = max((score.status for score in of_seed.values()), key=WORST.__getitem__)
    reasons = [
        f"seed {seed}: {score.reason}"
        for seed, score in of_seed.items()
        if score.status == status != "ok"
    ]
    same = {reason.partition(": ")[2] for reason in reasons}
    reason = same.pop() if len(same) == 1 and len(reasons) == len(of_seed) else "; ".join(reasons)
    good = {
        seed: score
        for seed, score in of_seed.items()
        if isinstance(score, ScoreRecord) and score.status == "ok" and score.value is not None
    }
    if not good:
        return BoardScore(status=status, reason=reason)
    values = {seed: float(score.value or 0) for seed, score in good.items()}
    resampled = None
    if weights is not None and all(score.contributions for score in good.values()):
        resampled = uncertainty.over_folds(
            {seed: _resampled(score, people, weights) for seed, score in good.items()}
        )
        resampled = np.clip(resampled, *metric.bounds)
    low, high = (None, None) if resampled is None else uncertainty.interval(resampled)
    return BoardScore(
        status=status,
        value=float(uncertainty.over_folds({s: np.asarray(v) for s, v in values.items()})),
        low=low,
        high=high,
        spread=uncertainty.spread(values),
        n=next((score.n for score in good.values()), None),
        seeds=tuple(good),
        reason=reason,
        resampled=resampled,
    )


def _resampled(
    score: ScoreRecord, people: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    assert score.contributions is not None
    found = uncertainty.contributions(score.contributions)
    return found.evaluate(weights[:, np.searchsorted(people, found.people)])


def _rank(board: Board) -> None:
    """Fill in the competitors' ranks and sort the rows."""
    competitors = board.competitors
    by_family: dict[str, list[list[int]]] = {}
    for label, metric in board.metrics.items():
        scores = [row.scores[label] for row in competitors]
        values = [score.value if score.status == "ok" else None for score in scores]
        if metric.ranked and any(value is not None for value in values):
            resampled = [score.resampled for score in scores]
            ranks = uncertainty.ranks(values, resampled, metric.better)
            by_family.setdefault(metric.family, []).append(ranks)
    means = {family: np.mean(ranks, axis=0) for family, ranks in by_family.items()}
    counted = [means[family] for family in OVERALL if family in means]
    if counted:
        means["overall"] = np.mean(counted, axis=0)
    for place, row in enumerate(competitors):
        row.ranks = {family: uncertainty.order(mean)[place] for family, mean in means.items()}
    board.rows.sort(key=lambda row: (row.generator.reference, row.ranks.get("overall") or 0))


def _family_place(metric: MetricRecord) -> int:
    return FAMILIES.index(metric.family) if metric.family in FAMILIES else len(FAMILIES)


def as_json(found: list[Board]) -> dict[str, Any]:
    """The boards in the published schema (docs/results.md)."""
    return {
        "schema": 1,
        "boards": [
            {
                "dataset": board.dataset.name,
                "study": board.study,
                "settings": board.settings,
                "seeds": list(board.seeds),
                "people": board.people,
                "metrics": {k: msgspec.to_builtins(m) for k, m in board.metrics.items()},
                "rows": [
                    {
                        "generator": row.label,
                        "reference": row.generator.reference,
                        "submitted": row.generator.submitted,
                        "settings": row.generator.settings,
                        "origin": row.generator.origin,
                        "ranks": row.ranks,
                        "scores": {
                            label: {
                                "status": score.status,
                                "value": score.value,
                                "low": score.low,
                                "high": score.high,
                                "spread": score.spread,
                                "n": score.n,
                                "seeds": list(score.seeds),
                                "reason": score.reason,
                            }
                            for label, score in row.scores.items()
                        },
                    }
                    for row in board.rows
                ],
            }
            for board in found
        ],
    }
