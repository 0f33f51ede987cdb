"""Plans of some cells alone, as archives and stores hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.store.records import PlanRecord
from ecgbench.results.store.store import read_record

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path


def cut_plan(plan: PlanRecord, cells: Container[str]) -> PlanRecord | None:
    """Return a plan of these cells alone, with their datasets and generators; None for no cell."""
    kept = [cell for cell in plan.cells if cell.name in cells]
    datasets = sorted({cell.dataset for cell in kept})
    generators = sorted({cell.generator for cell in kept})
    if not kept:
        return None
    return msgspec.structs.replace(
        plan,
        datasets=[plan.datasets[i] for i in datasets],
        generators=[plan.generators[i] for i in generators],
        cells=[
            msgspec.structs.replace(
                cell,
                dataset=datasets.index(cell.dataset),
                generator=generators.index(cell.generator),
            )
            for cell in kept
        ],
    )


def drop_parts(folder: Path) -> None:
    """Remove plans with a part of another plan's cells: two merges at once each saw a part."""
    plans: dict[Path, PlanRecord] = {}
    for file in sorted(folder.glob("*.json")):
        if (plan := read_record(file, PlanRecord)) is not None:
            plans[file] = plan
    for file, plan in plans.items():
        names = {cell.name for cell in plan.cells}
        for whole in plans.values():
            if len(whole.cells) > len(plan.cells) and cut_plan(whole, names) == plan:
                file.unlink(missing_ok=True)
