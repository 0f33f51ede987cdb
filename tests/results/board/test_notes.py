from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ecgbench.results.board.notes import MAX_NOTES, seed_list
from tests.results.board.samples import change, score

if TYPE_CHECKING:
    from tests.results.conftest import Bench


SAYS = (
    "unlike codes of this version made its results; ecgbench run --fresh computes again what the "
    "installed one did not"
)


def run(bench: Bench, generator: dict[str, Any], metric: dict[str, Any], seeds: Any) -> None:
    scores = {"gmm": {"mmd": dict.fromkeys(seeds, 0.5)}}
    bench.run(scores, bench.generator(**generator), bench.metric(**metric))


def test_results_of_one_code_need_no_note(bench: Bench) -> None:
    run(bench, {"code": "a" * 12}, {"code": "b" * 12}, (0, 1))
    assert bench.board.notes == []


def test_code_that_is_not_known_is_no_other_code(bench: Bench) -> None:
    run(bench, {"code": "a" * 12}, {"code": "b" * 12}, (0,))
    run(bench, {}, {}, (1,))
    assert bench.board.notes == []


def test_a_row_of_two_codes_and_a_column_of_two_are_named(bench: Bench) -> None:
    run(bench, {"code": "a" * 12}, {"code": "b" * 12}, (0,))
    run(bench, {"code": "c" * 12}, {"code": "b" * 12}, (1,))
    run(bench, {"code": "c" * 12}, {"code": "d" * 12}, (2,))
    assert bench.board.notes == [
        f"generator gmm, version 1: 2 {SAYS}",
        f"metric mmd, version 1: 2 {SAYS}",
    ]


def test_a_dataset_read_by_two_codes_is_named(bench: Bench) -> None:
    for seed, code in enumerate("ab"):
        dataset = bench.dataset(code=code * 12)
        bench.run({"gmm": {"mmd": {seed: 0.5}}}, dataset)
    assert bench.board.notes == [f"dataset mitdb, version 1: 2 {SAYS}"]


def test_two_codes_of_a_file_are_two_rows_and_no_note(bench: Bench) -> None:
    for code in "ab":
        generator = bench.generator(code=code * 12, from_file=True)
        bench.run({"gmm": {"mmd": {0: 0.5}}}, generator)
    assert len(bench.board.rows) == 2
    assert bench.board.notes == []


def test_a_damaged_cell_is_passed_over(bench: Bench) -> None:
    run(bench, {"code": "a" * 12}, {}, (0,))
    run(bench, {"code": "c" * 12}, {}, (1,))
    (name, _) = bench.store.cell_names()
    (bench.store.folder(name) / "cell.json").write_text("{")
    assert bench.board.notes == []


def test_what_the_notes_speak_of_survives_the_store(bench: Bench) -> None:
    run(bench, {"code": "a" * 12, "files": "f" * 12}, {"code": "b" * 12}, (0,))
    (plan,) = bench.store.plans()
    (name,) = bench.store.cell_names()
    record = bench.store.cell(name)
    assert record is not None
    assert record.cell.generator == plan.generators[0].used
    assert msgspec.structs.asdict(record.cell.generator)["files"] == "f" * 12


def made_with(bench: Bench, *versions: dict[str, object] | None) -> None:
    """Write a cell for each of these versions of libraries."""
    bench.run({"gmm": {"mmd": dict.fromkeys(range(len(versions)), 1.0)}})
    for name, packages in zip(bench.store.cell_names(), versions, strict=True):
        cell = bench.store.cell(name)
        assert cell is not None
        environment: dict[str, object] = {"packages": packages}
        bench.store.write_cell(msgspec.structs.replace(cell, environment=environment))


def test_libraries_of_unlike_versions_are_told(bench: Bench) -> None:
    made_with(
        bench,
        {"numpy": "1.26.4", "torch": "2.13.0", "rich": "13"},
        {"numpy": "2.4.6", "torch": "2.13.0", "rich": "14"},
    )
    assert bench.board.notes == [
        "its cells were made with unlike versions of numpy 1.26.4, 2.4.6: numbers may differ a little"
    ]


@pytest.mark.parametrize("other", [{"numpy": "2.4.6"}, {}, None, {"numpy": ["1"]}, {"numpy": None}])
def test_equal_or_unknown_libraries_are_not(bench: Bench, other: dict[str, object] | None) -> None:
    made_with(bench, {"numpy": "2.4.6"}, other)
    assert bench.board.notes == []


# --- of cells and scores -----------------------------------------------------------------------


def test_notes_of_cells_and_scores_are_told_once_with_row_metric_and_seeds(bench: Bench) -> None:
    plan = bench.run({"gmm": {"mmd": {0: 1.0, 1: 1.0, 2: 1.0}, "auc": {0: 1.0, 1: 1.0, 2: 1.0}}})
    for cell in plan.cells:
        record = bench.store.cell(cell.name)
        assert record is not None
        notes = ["all samples lie in [0, 1]"] if cell.seed < 2 else []
        bench.store.write_cell(msgspec.structs.replace(record, notes=notes))
    change(bench, "auc", 2, notes=["it gave up early", "it gave up early", "it is tired"])
    assert bench.board.notes == [
        "gmm (seeds 0, 1): all samples lie in [0, 1]",
        "gmm, auc (seed 2): it gave up early",
        "gmm, auc (seed 2): it is tired",
    ]
    assert score(bench.board, "gmm", "auc").notes == (
        "(seed 2): it gave up early",
        "(seed 2): it is tired",
    )


def test_notes_of_what_failed_are_told(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: ("failed", "no memory")}}})
    change(bench, "mmd", 0, notes=["it was slow"])
    assert bench.board.notes == ["gmm, mmd (seed 0): it was slow"]


def test_so_many_notes_are_told_and_the_others_are_counted(bench: Bench) -> None:
    bench.run({"gmm": {"mmd": {0: 1.0}, "auc": {0: 1.0}}})
    for metric in ("mmd", "auc"):
        change(bench, metric, 0, notes=[f"note {i}" for i in range(1000)])
    assert len(bench.board.notes) == MAX_NOTES + 1
    assert bench.board.notes[-1] == f"{2 * (MAX_NOTES + 1) - MAX_NOTES} more notes are in the store"
    assert score(bench.board, "gmm").notes[-1] == f"{1000 - MAX_NOTES} more notes are in the store"


def test_runs_of_seeds_are_said_briefly() -> None:
    assert seed_list([4, 0, 2, 1, 7, 8]) == "seeds 0–2, 4, 7, 8"
