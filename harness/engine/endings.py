"""Records the end of a cell, or of a score, without a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.environment import environment
from ecgbench.harness.cell.task import scoring
from ecgbench.results.store.records import CellRecord, ScoreRecord, now
from ecgbench.results.store.states import cell_outcome, score_outcome

if TYPE_CHECKING:
    from ecgbench.harness.cell.messages import Divided
    from ecgbench.harness.cell.task import Task
    from ecgbench.results.store.records import CostsRecord, Status
    from ecgbench.results.store.store import Store


def record_end(
    store: Store,
    task: Task,
    status: Status,
    reason: str,
    stage: str = "",
    *,
    costs: CostsRecord | None = None,
    divided: Divided | None = None,
    artefacts: dict[str, str] | None = None,
    seconds: float = 0.0,
    cpu_seconds: float = 0.0,
) -> bool:
    """Record the reason of a missing result: as the end of the cell, or of the score in progress.

    If the windows of a finished cell cannot be read, all its scores end so.

    Args:
        store: the cell's.
        task: the cell's.
        status: ``failed`` or ``skipped``.
        reason: why.
        stage: the last one.
        costs: of the cell so far.
        divided: facts about the cell.
        artefacts: of the cell, digests by name.
        seconds: wall-clock time of the score.
        cpu_seconds: its processor time.

    Returns:
        whether the cell has windows, and other scores may be done yet.
    """
    cell = cell_outcome(store, task.cell.name)
    record = cell.record
    if record is None or cell.status != "ok":
        known = {} if divided is None else msgspec.structs.asdict(divided)
        store.write_cell(
            CellRecord(
                cell=task.cell,
                status=status,
                reason=reason,
                environment=environment() | {"device": task.device},
                study=task.study,
                threads=task.threads,
                finished=now(),
                costs=costs,
                artefacts=artefacts or {},
                **known,
            )
        )
        return False
    missing = [
        metric
        for metric in task.metrics
        if score_outcome(store.score_file(task.cell.name, metric), record, metric).status == "todo"
    ]
    stages = [scoring(metric) for metric in missing]
    at = stages.index(stage) if stage in stages else None
    for metric in missing if at is None else missing[at : at + 1]:
        store.write_score(
            ScoreRecord(
                metric=metric,
                cell=task.cell.name,
                synthetic=record.synthetic,
                status=status,
                reason=reason,
                finished=now(),
                seconds=seconds,
                cpu_seconds=cpu_seconds,
            )
        )
    return True
