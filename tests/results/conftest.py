"""Stores written by hand, for their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from ecgbench.contracts.faults import DOSES
from ecgbench.results.audit.records import AuditRecord
from ecgbench.results.board.board import boards
from ecgbench.results.board.catalogue import Catalogue, Facts
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    ScoreRecord,
)
from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ecgbench.results.board.table import Board

    Outcome = float | ContributionsRecord | tuple[str, str] | None
    """A value, one with contributions, (status, reason), or not ended."""
    Scores = Mapping[str, Mapping[str, Mapping[int, Outcome]]]
    """How each metric ended, by generator, metric and seed."""

TERMS = ("members", "unseen", "distance")
"""Terms of a metric's contributions, for the test of its people."""

REFERENCES = ("real", "copy", "noisy-copy", "gaussian-noise")


class Bench:
    """Writes runs to a store and reads the boards of them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @staticmethod
    def metric(name: str = "mmd", **fields: Any) -> MetricRecord:
        """A metric of fidelity; less is better, by default."""
        given: dict[str, Any] = {
            "version": 1,
            "settings": {},
            "origin": "tests 1",
            "family": "fidelity",
            "better": "lower",
            "bounds": (None, None),
            "ideal": None,
            "ranked": True,
        }
        return MetricRecord(**given | {"name": name} | fields)

    @staticmethod
    def audited(**fields: Any) -> AuditRecord:
        """The audit of `metric` on a dataset of 500 windows, passed, unless told otherwise."""
        given: dict[str, Any] = {
            "doses": DOSES,
            "dataset": Bench.dataset(),
            "metric": Bench.metric(),
            "seeds": [0, 1],
            "seeds_at_0": [0, 1, 2, 3],
            "windows": 500,
            "series": [],
            "verdict": "passes",
            "blind": [],
            "reversed": [],
            "seconds": 1.0,
        }
        return AuditRecord(**given | fields)

    @staticmethod
    def generator(name: str = "gmm", **fields: Any) -> GeneratorRecord:
        """A competitor, or the reference row with this name."""
        given: dict[str, Any] = {"version": 1, "settings": {}, "origin": "tests 1"}
        given |= {"name": name, "reference": name in REFERENCES}
        return GeneratorRecord(**given | fields)

    @staticmethod
    def dataset(name: str = "mitdb", **fields: Any) -> DatasetRecord:
        """A dataset."""
        given: dict[str, Any] = {"version": 1, "settings": {}, "origin": "tests 1"}
        return DatasetRecord(**given | {"name": name, "digest": "0123456789abcdef"} | fields)

    @staticmethod
    def by_person(values: Mapping[int, float]) -> ContributionsRecord:
        """A score: the mean over people, each with one value."""
        return ContributionsRecord(
            people=sorted(values),
            numerators=[[float(values[person])] for person in sorted(values)],
            denominators=[[1.0] for _ in values],
            coefficients=[1.0],
            offset=0.0,
        )

    def run(
        self,
        scores: Scores,
        *used: GeneratorRecord | MetricRecord | DatasetRecord,
        cells: Mapping[tuple[str, int], tuple[str, str] | None] | None = None,
        study: str = "quick",
        settings: dict[str, Any] | None = None,
    ) -> PlanRecord:
        """Write a run.

        Args:
            scores: how each metric ended, by generator, metric and seed.
            used: the plugins unlike those of `generator`, `metric` and `dataset`.
            cells: (status, reason) of unsuccessful cells, None for unfinished ones.
            study: its name.
            settings: the study's.
        """
        special = {record.name: record for record in used}
        dataset = next((r for r in used if isinstance(r, DatasetRecord)), self.dataset())
        generators = [cast("GeneratorRecord", special.get(g) or self.generator(g)) for g in scores]
        names = dict.fromkeys(metric for each in scores.values() for metric in each)
        metrics = {m: cast("MetricRecord", special.get(m) or self.metric(m)) for m in names}
        planned = []
        for place, of_generator in enumerate(scores.values()):
            generator = generators[place]
            for seed in dict.fromkeys(s for each in of_generator.values() for s in each):
                cell = _cell(dataset, generator, seed)
                planned.append(PlannedCell(name=cell.name, dataset=0, generator=place, seed=seed))
                status, reason = "ok", ""
                if cells is not None and (generator.name, seed) in cells:
                    ended = cells[generator.name, seed]
                    if ended is None:
                        continue
                    status, reason = ended
                self.store.write_cell(CellRecord(cell=cell, status=status, reason=reason))  # type: ignore[arg-type]
                for key, of_metric in of_generator.items():
                    if (outcome := of_metric.get(seed)) is not None:
                        self.store.write_score(_score(metrics[key], cell.name, outcome))
        plan = PlanRecord(
            protocol=1,
            study=study,
            settings=settings or {},
            datasets=[dataset],
            generators=generators,
            metrics=list(metrics.values()),
            cells=planned,
        )
        self.store.write_plan(plan)
        return plan

    @property
    def catalogue(self) -> Catalogue:
        """A catalogue with every metric of the store's own plans installed, as recorded."""
        return installed(metric for plan in self.store.plans() for metric in plan.metrics)

    @property
    def board(self) -> Board:
        """The store's only board."""
        (found,) = self.boards
        return found

    @property
    def boards(self) -> list[Board]:
        """All of them."""
        return boards(self.store, self.catalogue)


def installed(metrics: Iterable[MetricRecord]) -> Catalogue:
    """A catalogue of these metrics; the specs of metrics of both folds name `TERMS`."""
    metrics = list(metrics)
    return Catalogue(
        {(metric.name, metric.version): facts_of(metric) for metric in metrics},
        named_terms={(m.name, m.version): TERMS for m in metrics if m.needs_both_folds},
    )


def facts_of(metric: MetricRecord) -> Facts:
    """The facts of a spec equal to the record."""
    return Facts(**{name: getattr(metric, name) for name in Facts.__struct_fields__})


def _cell(dataset: DatasetRecord, generator: GeneratorRecord, seed: int) -> CellId:
    return CellId(
        dataset=dataset,
        generator=generator.used,
        seed=seed,
        protocol=1,
        submitted=generator.submitted,
    )


def _score(metric: MetricRecord, cell: str, outcome: Outcome) -> ScoreRecord:
    if isinstance(outcome, tuple):
        return ScoreRecord(metric=metric, cell=cell, status=outcome[0], reason=outcome[1])  # type: ignore[arg-type]
    if isinstance(outcome, ContributionsRecord):
        top = sum(row[0] for row in outcome.numerators)
        value = outcome.offset + top / sum(row[0] for row in outcome.denominators)
        return ScoreRecord(
            metric=metric, cell=cell, status="ok", value=value, contributions=outcome, n=100
        )
    return ScoreRecord(metric=metric, cell=cell, status="ok", value=outcome, n=100)


@pytest.fixture(autouse=True)
def _no_syncfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync file by file: a whole file system may have much to write, for others."""
    monkeypatch.setattr("ecgbench.results.store.sync._syncfs", lambda: None)


@pytest.fixture
def new_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    """As many stores as wanted, by name; they need not outlive a loss of power."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    return lambda name: Bench(Store(tmp_path / name))


@pytest.fixture
def bench(new_bench: Callable[[str], Bench]) -> Bench:
    """A store of one's own."""
    return new_bench("store")
