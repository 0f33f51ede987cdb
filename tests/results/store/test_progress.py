from __future__ import annotations

import msgspec
import pytest

from ecgbench.results.store.progress import Part, Progress, Stage, Step, Usage

BEGUN = Progress(began=1.0, stage="data", memory=5, cpu_seconds=0.5)
FITTING = Progress(began=1.0, stage="fit", step=3, total=9, values={"loss": 0.25}, memory=5)


@pytest.mark.parametrize(
    ("before", "message", "changed"),
    [
        (BEGUN, Stage("fit"), {"stage": "fit"}),
        (FITTING, Stage("sample"), {"stage": "sample", "step": None, "total": None, "values": {}}),
        (FITTING, Part("all"), {"stage": "fit all", "step": None, "total": None, "values": {}}),
        (FITTING, Step(4, None, {}), {"step": 4, "total": None, "values": {}}),
        (FITTING, Usage(7, 1.5), {"memory": 7, "cpu_seconds": 1.5}),
        (FITTING, "another message", {}),
    ],
)
def test_a_message_changes_its_own_part_of_the_progress(
    before: Progress, message: object, changed: dict[str, object]
) -> None:
    kept = msgspec.structs.asdict(before)
    assert before.after(message) == Progress(**kept | changed)
    assert msgspec.structs.asdict(before) == kept
