"""What an interrupted fit leaves, and who goes on with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.harness.conftest import bad, curve, folder

if TYPE_CHECKING:
    from ecgbench.harness.planning.study import Study
    from tests.harness.conftest import Bench


# --- checkpoints -----------------------------------------------------------------------------------


def test_a_checkpoint_is_removed_when_the_cell_is_finished(bench: Bench) -> None:
    bench.work()
    assert sorted(f.name for f in folder(bench).iterdir()) == [
        "artefacts",
        "cell.json",
        "scores",
        "synthetic.npz",
    ]


def interrupt(bench: Bench, study: Study, part: str, step: int, code: str | None = None) -> None:
    """Leave what a fit leaves that was killed after so many steps, by default of the same code."""
    generator = bench.plan(study).cells[0].id.generator
    place = folder(bench, study) / "fit"
    (place / "checkpoint" / part).mkdir(parents=True)
    (place / "checkpoint" / part / "step").write_text(str(step))
    (place / "code.txt").write_text(generator.code if code is None else code)


def test_a_fit_does_not_go_on_from_what_other_code_has_left(bench: Bench) -> None:
    interrupt(bench, bench.study(), "all", 2, code="0" * 12)
    bench.forget_trace()
    bench.work()
    assert [line for line in bench.trace if line.startswith("step")] == [
        "step 1",
        "step 2",
        "step 3",
    ]


def test_a_fit_goes_on_from_what_an_interrupted_one_left_and_keeps_its_curve(
    bench: Bench,
) -> None:
    place = folder(bench)
    interrupt(bench, bench.study(), "all", 2)
    lines = [json.dumps(["all", 1, step, {"loss": 9.0}]) for step in (1, 2, 3)]
    (place / "fit" / "training.jsonl").write_text("\n".join(lines) + '\n["all", 1, 4, {"lo')
    bench.forget_trace()
    bench.work()
    assert [line for line in bench.trace if line.startswith("step")] == ["step 3"]
    rows = curve(bench)
    assert [(row["step"], float(row["loss"])) for row in rows] == [
        ("1", 9.0),
        ("2", 9.0),
        ("3", 1 / 3),
    ]
    assert not (place / "fit").exists()


def test_each_class_of_a_generator_fitted_per_class_has_its_own_checkpoint(bench: Bench) -> None:
    study = bench.study(generators=("jitter-by-class",))
    interrupt(bench, study, "class-1", 3)
    bench.forget_trace()
    bench.work(study)
    assert [line for line in bench.trace if line.startswith("step")] == [
        "step 1",
        "step 2",
        "step 3",
    ]


def test_the_checkpoint_of_a_failed_cell_stays(bench: Bench) -> None:
    bench.work(bad(bench, "raises"))
    mark = folder(bench, bad(bench, "raises")) / "fit" / "checkpoint" / "all" / "mark"
    assert mark.read_text() == "half a fit"
