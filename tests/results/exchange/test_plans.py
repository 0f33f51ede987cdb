from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ecgbench.results.exchange.plans import cut_plan

if TYPE_CHECKING:
    from tests.results.exchange.builders import (
        Source,
    )


def test_a_plan_is_cut_to_what_its_cells_need(theirs: Source) -> None:
    first, second = theirs.cell("a"), theirs.cell("b")
    plan = theirs.plan(first, second)
    cut = cut_plan(plan, {second.cell.name})
    assert cut is not None
    assert cut.generators == plan.generators[1:]
    assert cut.cells == [msgspec.structs.replace(plan.cells[1], generator=0)]
    assert cut.board_key == plan.board_key
    assert cut_plan(plan, {first.cell.name, second.cell.name}) == plan
    assert cut_plan(plan, set()) is None
