from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.data import cache as data
from ecgbench.harness.planning.catalog import discover
from ecgbench.harness.planning.plan import (
    cell_id,
    forget_other_code,
    make_plan,
    metric_records,
    plan_of,
    state_of,
)
from ecgbench.harness.planning.study import Study
from ecgbench.results.store.records import CellRecord, ScoreRecord

if TYPE_CHECKING:
    from ecgbench.harness.planning.plan import Cell, Plan
    from tests.harness.conftest import Bench


def finish(bench: Bench, cell: Cell, status: Any = "ok", **scores: str) -> None:
    """Put down that a cell has ended, and scores of it, each with its status."""
    bench.store.write_cell(CellRecord(cell=cell.id, status=status, reason=f"it {status}"))
    metrics = {metric.name: metric for metric in bench.plan(both(bench)).record.metrics}
    for name, ended in scores.items():
        bench.store.write_score(
            ScoreRecord(
                metric=metrics[name],
                cell=cell.id.name,
                status=ended,  # type: ignore[arg-type]  # a status
                reason=f"it {ended}",
                value=0.5 if ended == "ok" else None,
            )
        )


def both(bench: Bench) -> Any:
    return bench.study(metrics=("level", "spread"))


def only(bench: Bench, **options: bool) -> Cell:
    (cell,) = bench.plan(both(bench), **options).cells
    return cell


def test_the_plan_is_the_cross_product_by_dataset_seed_and_generator_references_first(
    bench: Bench,
) -> None:
    study = bench.study(
        datasets=("bad-dataset", "cohort"),
        generators=("jitter-by-class", "jitter"),
        seeds=(1, 0),
        references=True,
    )
    plan = bench.plan(study)
    assert [(c.id.dataset.name, c.id.seed, c.id.generator.name) for c in plan.cells] == [
        (dataset, seed, generator)
        for dataset in ("bad-dataset", "cohort")
        for seed in (1, 0)
        for generator in ("chosen", "jitter-by-class", "jitter")
    ]
    assert plan.todo == plan.cells
    assert not bench.store.path.exists()


def test_a_plan_that_was_read_is_still_the_plan_of_its_file(bench: Bench) -> None:
    """Of every installed metric, whatever numbers its spec has: else nobody could remove the plan."""
    study = both(bench)
    metrics = metric_records(Study(name="all"), discover())
    plan = msgspec.structs.replace(bench.plan(study).record, metrics=metrics)
    bench.store.write_plan(plan)
    (read,) = bench.store.plans()
    assert read == plan
    assert bench.store.has_plan(read)
    bench.store.remove_plan(read)
    assert not bench.store.plans()


def test_the_record_tells_what_was_asked_for(bench: Bench) -> None:
    study = bench.study(references=True, windows=100, generator={"jitter": {"sigma": 0.3}})
    plan = bench.plan(study)
    record = plan.record
    assert (record.study, record.settings) == (
        "test",
        {"windows": 100},
    )
    assert [(g.name, g.reference) for g in record.generators] == [
        ("chosen", True),
        ("jitter", False),
    ]
    assert record.generators[1].settings == {"sigma": 0.3, "steps": 3, "seconds": 0.0}
    assert record.generators[1].changed == {"sigma": 0.3}
    assert [m.name for m in record.metrics] == ["level", "spread"]
    assert record.metrics[1].bounds == (0.0, None)
    assert record.datasets[0].windows == 100
    for cell, planned in zip(plan.cells, record.cells, strict=True):
        assert cell.id.name == planned.name
        assert cell.id.generator.name == record.generators[planned.generator].name
        assert cell.id.seed == planned.seed


def test_references_are_added_once_and_can_be_left_out(bench: Bench) -> None:
    with_them = bench.plan(bench.study(generators=("chosen", "jitter"), references=True))
    assert [g.name for g in with_them.record.generators] == ["chosen", "jitter"]
    without = bench.plan(bench.study(generators=("jitter",), references=False))
    assert [g.name for g in without.record.generators] == ["jitter"]
    asked_for = bench.plan(bench.study(generators=("jitter", "chosen"), references=False))
    assert [g.name for g in asked_for.record.generators] == ["jitter", "chosen"]


def test_without_a_choice_every_metric_is_planned(bench: Bench) -> None:
    metrics = [m.name for m in bench.plan(bench.study(metrics=None)).record.metrics]
    bad = [f"bad-{letter}" for letter in "abcdef"]
    assert metrics == [*bad, "level", "never", "shared", "spread", "state", "waits"]


def test_a_cells_name_changes_with_what_can_change_its_windows(bench: Bench) -> None:
    def name(**fields: Any) -> str:
        return bench.plan(bench.study(**fields)).cells[0].id.name

    names = [
        name(),
        name(seeds=(1,)),
        name(generator={"jitter": {"sigma": 0.2}}),
        name(dataset={"cohort": {"gain": 2}}),
        name(windows=100),
        name(smoke=True),
    ]
    assert len(set(names)) == len(names)
    same = [
        name(generator={"jitter": {"sigma": "0.1"}}),
        name(generators=("jitter", "chosen")),
        name(metrics=None),
        name(metric={"level": {"scale": 2}}),
        name(name="another"),
        name(dataset={"cohort": {"gain": 1.0}}),
    ]
    assert set(same) == {names[0]}


def test_a_subsample_larger_than_the_dataset_is_told_apart_too(bench: Bench) -> None:
    """The digest is of the whole dataset, so the number of windows is part of the key."""
    (cell,) = bench.plan(bench.study(windows=200)).cells
    assert cell.id.dataset.windows == 200
    assert cell.id.dataset.digest == bench.plan().cells[0].id.dataset.digest


def test_a_cell_of_which_nothing_is_stored_is_to_do(bench: Bench) -> None:
    cell = only(bench)
    assert (cell.state, [m.name for m in cell.missing]) == ("todo", ["level", "spread"])


def test_a_finished_cell_with_all_scores_is_done(bench: Bench) -> None:
    finish(bench, only(bench), level="ok", spread="skipped")
    assert (only(bench).state, only(bench).missing, only(bench).reason) == ("done", (), "")
    assert only(bench, retry_failed=True).state == "done"


def test_a_finished_cell_that_lacks_a_score_is_to_do_for_that_score(bench: Bench) -> None:
    finish(bench, only(bench), spread="ok")
    assert (only(bench).state, [m.name for m in only(bench).missing]) == ("todo", ["level"])


def test_a_metric_with_other_settings_is_missing_and_the_cell_stays(bench: Bench) -> None:
    finish(bench, only(bench), level="ok", spread="ok")
    (cell,) = bench.plan(bench.study(metric={"level": {"scale": 2}})).cells
    assert cell.id == only(bench).id
    assert (cell.state, [m.name for m in cell.missing]) == ("todo", ["level"])


def test_a_failed_cell_is_not_run_again_unless_asked(bench: Bench) -> None:
    finish(bench, only(bench), "failed")
    assert (only(bench).state, only(bench).reason) == ("failed", "it failed")
    again = only(bench, retry_failed=True)
    assert (again.state, len(again.missing)) == ("todo", 2)


def test_a_skipped_cell_is_not_run_again_even_if_asked(bench: Bench) -> None:
    finish(bench, only(bench), "skipped")
    for retry_failed in (False, True):
        cell = only(bench, retry_failed=retry_failed)
        assert (cell.state, cell.reason) == ("skipped", "it skipped")


def test_a_failed_score_is_not_computed_again_unless_asked(bench: Bench) -> None:
    finish(bench, only(bench), level="failed", spread="ok")
    assert (only(bench).state, only(bench).reason) == ("failed", "level: it failed")
    again = only(bench, retry_failed=True)
    assert (again.state, [m.name for m in again.missing]) == ("todo", ["level"])


def test_a_missing_score_goes_before_a_failed_one(bench: Bench) -> None:
    finish(bench, only(bench), level="failed")
    assert (only(bench).state, [m.name for m in only(bench).missing]) == ("todo", ["spread"])


def test_todo_holds_the_cells_with_something_left(bench: Bench) -> None:
    study = bench.study(seeds=(0, 1, 2))
    cells = bench.plan(study).cells
    finish(bench, cells[0], level="ok", spread="ok")
    finish(bench, cells[1], "failed")
    plan = bench.plan(study)
    assert Counter(c.state for c in plan.cells) == {"done": 1, "failed": 1, "todo": 1}
    assert [c.id.seed for c in plan.todo] == [2]
    assert len(bench.plan(study, retry_failed=True).todo) == 2


def test_the_state_of_one_cell_can_be_asked_again(bench: Bench) -> None:
    plan = bench.plan(both(bench))
    finish(bench, plan.cells[0], level="ok", spread="ok")
    assert plan.cells[0].state == "todo"
    assert state_of(plan.cells[0].id, plan.record.metrics, bench.store).state == "done"


def test_the_plan_survives_the_store(bench: Bench) -> None:
    plan = bench.plan()
    bench.store.write_plan(plan.record)
    (read,) = bench.store.plans()
    assert read.board_key == plan.record.board_key
    assert [d.key for d in read.datasets] == [d.key for d in plan.record.datasets]
    assert [m.key for m in read.metrics] == [m.key for m in plan.record.metrics]
    assert [c.name for c in read.cells] == [c.id.name for c in plan.cells]


def test_a_setting_that_is_no_finite_number_is_stored_and_keeps_its_key(bench: Bench) -> None:
    plan = bench.plan()
    endless = msgspec.structs.replace(plan.cells[0].id.generator, settings={"limit": float("inf")})
    cell = msgspec.structs.replace(plan.cells[0].id, generator=endless)
    bench.store.write_cell(CellRecord(cell=cell, status="ok"))
    found = bench.store.cell(cell.name)
    assert found is not None
    assert found.cell.name == cell.name


def test_planning_reads_a_dataset_only_once(bench: Bench) -> None:
    bench.plan()
    bench.plan()
    assert bench.trace == ["load"]


def test_an_edited_plugin_file_is_another_plugin_in_the_plan(bench: Bench, tmp_path: Path) -> None:
    study = bench.study()
    file = tmp_path / "good.py"
    file.write_text(bench.files[0].read_text() + "\n# edited\n")
    edited = discover([file])
    records = [data.record(source, None) for source in bench.sources(study)]
    plan, before = make_plan(study, edited, records, bench.store), bench.plan(study)
    assert plan.record.generators[0].origin != before.record.generators[0].origin
    assert plan.record.generators[0].key != before.record.generators[0].key
    assert plan.record.metrics[0].key != before.record.metrics[0].key


# --- code ------------------------------------------------------------------------------------------


def replan(bench: Bench, plan: Plan, changed: str = "", *, fresh: bool = False) -> Plan:
    """The plan with other code of the dataset, of the generators or of one metric."""

    def other(kind: str, record: Any) -> Any:
        code = "f" * 12 if changed in (kind, record.name) else record.code
        return msgspec.structs.replace(record, code=code, from_file=False)

    datasets = [other("dataset", each) for each in plan.record.datasets]
    generators = [other("generator", each) for each in plan.record.generators]
    metrics = [other("metric", each) for each in plan.record.metrics]
    cells = [cell_id(datasets[0], each, 0) for each in generators]
    return plan_of(both(bench), datasets, generators, metrics, cells, bench.store, fresh=fresh)


def stored(bench: Bench) -> Plan:
    """A plan of installed plugins, all of which has ended."""
    plan = replan(bench, bench.plan(both(bench)))
    for cell in plan.cells:
        bench.store.write_cell(CellRecord(cell=cell.id, status="ok"))
        for metric in plan.record.metrics:
            bench.store.write_score(
                ScoreRecord(metric=metric, cell=cell.id.name, status="ok", value=0.5)
            )
    return plan


def test_what_the_installed_code_made_needs_no_warning(bench: Bench) -> None:
    plan = replan(bench, stored(bench), fresh=True)
    assert [cell.state for cell in plan.cells] == ["done"]
    assert plan.warnings == []


@pytest.mark.parametrize(
    ("changed", "named", "missing"),
    [
        ("dataset", "dataset cohort", ["level", "spread"]),
        ("generator", "generator jitter", ["level", "spread"]),
        ("level", "metric level", ["level"]),
    ],
)
def test_what_other_code_made_is_a_warning_and_fresh_plans_exactly_that_again(
    bench: Bench, changed: str, named: str, missing: list[str]
) -> None:
    before = stored(bench)
    plan = replan(bench, before, changed)
    assert [cell.state for cell in plan.cells] == ["done"]
    says = f"{named}, version 1: stored results were made by other code; "
    assert plan.warnings == [f"{says}--fresh computes them again"]
    fresh = replan(bench, before, changed, fresh=True)
    (cell,) = fresh.cells
    assert cell.state == "todo"
    assert [metric.name for metric in cell.missing] == missing
    assert fresh.warnings == [f"{says}they are computed again"]
    assert cell.id.name == before.cells[0].id.name


@pytest.mark.parametrize(("changed", "left"), [("generator", 0), ("level", 1), ("x", 2)])
def test_exactly_what_other_code_made_is_forgotten(bench: Bench, changed: str, left: int) -> None:
    plan = replan(bench, stored(bench), changed, fresh=True)
    cell = plan.cells[0].id
    forget_other_code(cell, plan.record.metrics, bench.store)
    assert len(bench.store.scores(cell.name)) == left
    assert (bench.store.cell(cell.name) is None) == (changed == "generator")


def test_a_cell_that_failed_with_other_code_is_run_again(bench: Bench) -> None:
    before = stored(bench)
    bench.store.write_cell(CellRecord(cell=before.cells[0].id, status="failed", reason="a bug"))
    assert [c.state for c in replan(bench, before, "generator").cells] == ["failed"]
    fresh = replan(bench, before, "generator", fresh=True)
    assert [c.state for c in fresh.cells] == ["todo"]


def test_local_files_are_a_part_of_a_cells_name(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "loads.py"
    file.write_text(
        "from ecgbench import Config, GeneratorSpec, hookimpl\n"
        "class LoadsConfig(Config, frozen=True):\n"
        "    file: str = 'w1.txt'\n"
        "@hookimpl\n"
        "def ecgbench_generators():\n"
        "    return [GeneratorSpec(name='loads', target='x:y', config=LoadsConfig, summary='x', "
        "files=lambda c: (c.file,))]\n"
    )
    bench.files = (*bench.files, file)

    def name(setting: str, content: str) -> str:
        Path(setting).write_text(content)
        study = bench.study(generators=("loads",), generator={"loads": {"file": setting}})
        return bench.plan(study).cells[0].id.name

    names = [name("w1.txt", "1"), name("w1.txt", "2"), name("w2.txt", "2")]
    assert len(set(names)) == 3
    assert name("w1.txt", "1") == names[0]
    Path("w2.txt").unlink()
    with pytest.raises(UsageError, match=r"generator loads: its file w2\.txt is not there"):
        bench.plan(bench.study(generators=("loads",), generator={"loads": {"file": "w2.txt"}}))


def test_a_plan_tells_what_the_store_says_of_a_cells_windows(bench: Bench) -> None:
    bench.work()
    bench.store.write_cell(msgspec.structs.replace(bench.cell(), notes=["all 36 windows are flat"]))
    plan = bench.plan()
    assert plan.warnings == [f"{plan.cells[0].id.name}: all 36 windows are flat"]
