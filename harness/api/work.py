"""`Job`: a plan with all that works through it.  `Run`: how the cells of a plan ended."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ecgbench.contracts.plain import plain
from ecgbench.harness.api.boards import Board, as_text
from ecgbench.harness.api.machine import machine_and_pool
from ecgbench.harness.engine.run import work_through
from ecgbench.harness.planning.facts import facts
from ecgbench.harness.planning.plan import state_of
from ecgbench.results.board.board import boards
from ecgbench.results.board.plans import groups
from ecgbench.results.render import write_boards
from ecgbench.results.render.html import page, table
from ecgbench.results.render.terminal import summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from ecgbench.harness.data.cache import Source
    from ecgbench.harness.engine.pool import Pool
    from ecgbench.harness.engine.run import Machine, Watch
    from ecgbench.harness.planning.catalog import Catalog
    from ecgbench.harness.planning.plan import Plan
    from ecgbench.harness.planning.study import Study
    from ecgbench.results.store.store import Store


@dataclass(frozen=True, kw_only=True)
class CellState:
    """How far one cell of a run has come.

    Attributes:
        cell: its full name, ``dataset/generator/seed-N-KEY``.
        dataset: name of the dataset.
        generator: name of the generator, or of a submitted row.
        seed: the seed.
        state: ``"done"``, ``"failed"``, ``"skipped"`` or ``"todo"``; ``failed`` also if one of its
            scores failed.
        reason: why it is not ``done``; empty otherwise.
    """

    cell: str
    dataset: str
    generator: str
    seed: int
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Run:
    """How the cells of a run ended, and the boards that they make.

    Attributes:
        store: the store's folder.
        study: the resolved study.
        cells: one for each cell of the plan, in its order.
        boards: the boards of this run; empty after a dry run.
        written: files with the boards' tables.
        warnings: sentences about the stored results: other code, odd windows.
        shown: names of the metrics in the printed summary; empty for the headline of the board.
    """

    store: Path
    study: Study
    cells: tuple[CellState, ...]
    boards: list[Board] = field(default_factory=list)
    written: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[CellState, ...]:
        """The cells that failed, or have a score that failed."""
        return tuple(cell for cell in self.cells if cell.state == "failed")

    @property
    def ok(self) -> bool:
        """Whether no cell failed and none is left: the command's exit code 0."""
        return not self.failed and not self.counts.get("todo")

    @cached_property
    def counts(self) -> dict[str, int]:
        """The number of cells by state."""
        return dict(sorted(Counter(cell.state for cell in self.cells).items()))

    def to_frame(self) -> pd.DataFrame:
        """Return a line for each cell: cell, dataset, generator, seed, state, reason."""
        import pandas as pd  # noqa: PLC0415 - a run needs none

        columns = [*CellState.__dataclass_fields__]
        return pd.DataFrame([vars(cell) for cell in self.cells], columns=columns)

    def __str__(self) -> str:
        summary = partial(summarise, metrics=self.shown)
        return "\n".join([self._summary(), as_text(summary, self.boards)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = [cell for cell in self.cells if cell.state != "done"]
        rows = [[plain(cell.cell), cell.state, plain(cell.reason)] for cell in left]
        parts = [table(["cell", "state", "reason"], rows)] if rows else []
        return page(self._summary(), [*parts, *(board._repr_html_() for board in self.boards)])

    def _summary(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in self.counts.items())
        return f"study {plain(self.study.name)}: {len(self.cells)} cells, {counts or 'none'}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A plan with all that works through it.

    Attributes:
        catalog: of plugins.
        study: resolved.
        sources: of its datasets.
        store: where the cells end.
        plan: of the study.
        machine: how plugins run.
        pool: where cells run.
        shown: names of the metrics in the printed summary; empty for the headline of the board.
    """

    catalog: Catalog
    study: Study
    sources: list[Source]
    store: Store
    plan: Plan
    machine: Machine
    pool: Pool
    shown: tuple[str, ...] = ()

    def planned(self) -> Run:
        """Return the state of the plan, without any work."""
        return run_of(self.plan, self.store, self.study, shown=self.shown)

    def work(self, watch: Watch) -> Run:
        """Work through the plan, write the boards' tables into the store, and return the outcome.

        Raises:
            StoreError: the store cannot be read or written; finished cells stay.
        """
        work_through(
            self.plan, self.store, self.study, self.sources, self.machine, watch, self.pool
        )
        record = self.plan.record
        names = {dataset.name for dataset in record.datasets}
        chosen = [group for group in groups(self.store) if group[0].dataset.name in names]
        made = boards(self.store, facts(self.catalog), chosen)
        # first: a terminal that fails must not cost the tables
        written = tuple(write_boards(made, self.store))
        keys = {dataset.key for dataset in record.datasets}
        own = [Board.of(b) for b in made if b.key == record.board_key and b.dataset.key in keys]
        states = tuple(state_of(cell.id, record.metrics, self.store) for cell in self.plan.cells)
        done = replace(self.plan, cells=states)
        return run_of(done, self.store, self.study, boards=own, written=written, shown=self.shown)


def run_of(plan: Plan, store: Store, study: Study, **fields: Any) -> Run:
    """Return the outcome of a plan.

    Args:
        plan: of the study, with the states of its cells.
        store: of the cells.
        study: resolved.
        fields: ``boards``, ``written`` and ``shown``, if there are some.
    """
    return Run(
        store=store.path,
        study=study,
        cells=tuple(
            CellState(
                cell=cell.id.name,
                dataset=cell.id.dataset.name,
                generator=cell.id.generator.name,
                seed=cell.id.seed,
                state=cell.state,
                reason=cell.reason,
            )
            for cell in plan.cells
        ),
        warnings=tuple(plan.warnings),
        **fields,
    )


@contextmanager
def job(
    catalog: Catalog,
    study: Study,
    sources: list[Source],
    store: Store,
    plan: Plan,
    machine_options: Mapping[str, Any],
    shown: tuple[str, ...] = (),
) -> Iterator[Job]:
    """Return a job, with a cluster's connection open as long as it is used.

    Args:
        catalog: of plugins.
        study: resolved.
        sources: of its datasets.
        store: where the cells end.
        plan: of the study.
        machine_options: as `ecgbench.harness.api.machine.machine_and_pool` takes them.
        shown: names of the metrics in the printed summary; empty for the headline of the board.
    """
    with machine_and_pool(catalog, smoke=study.smoke, **machine_options) as (machine, pool):
        yield Job(
            catalog=catalog,
            study=study,
            sources=sources,
            store=store,
            plan=plan,
            machine=machine,
            pool=pool,
            shown=shown,
        )
