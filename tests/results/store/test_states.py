"""How a cell and its scores ended: each reader of a store gives the same answer."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console

from ecgbench.contracts.errors import DamagedError, StoreError
from ecgbench.harness import audit, reproduce
from ecgbench.harness.api.work import run_of
from ecgbench.harness.cli.report import report
from ecgbench.harness.cli.status import status_of
from ecgbench.harness.planning.plan import Plan, state_of
from ecgbench.harness.planning.study import Study
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.records import CellId, encode
from ecgbench.results.store.states import (
    cell_outcome,
    forget_failed,
    quick_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ecgbench.results.store.records import MetricRecord, PlanRecord
    from ecgbench.results.store.store import Store
    from tests.results.conftest import Bench

DOSE = {"fault": "none", "amount": 0.0, "sigma": 0.0}


@dataclass
class Case:
    """One cell with two scores in a store of its own.

    Attributes:
        store: with the cell.
        cell: of the plan.
        record: the plan.
    """

    store: Store
    cell: CellId
    record: PlanRecord

    @property
    def metrics(self) -> list[MetricRecord]:
        return self.record.metrics

    @property
    def cell_file(self) -> Path:
        return self.store.folder(self.cell.name) / "cell.json"

    @property
    def score_file(self) -> Path:
        return self.store.score_file(self.cell.name, self.metrics[1])

    def change_cell(self, **fields: Any) -> None:
        record = self.store.cell(self.cell.name)
        assert record is not None
        self.cell_file.write_bytes(encode(msgspec.structs.replace(record, **fields)))

    def change_score(self, **fields: Any) -> None:
        record = self.store.score(self.cell.name, self.metrics[1])
        assert record is not None
        self.score_file.write_bytes(encode(msgspec.structs.replace(record, **fields)))


@pytest.fixture
def case(bench: Bench) -> Case:
    generator = bench.generator("dose", settings=DOSE)
    metrics = [bench.metric(name, bounds=(0.0, 9.0)) for name in ("mmd", "level")]
    scores = {"dose": {metric.name: {0: 1.0} for metric in metrics}}
    record = bench.run(scores, generator, *metrics)
    cell = CellId(dataset=record.datasets[0], generator=generator.used, seed=0, protocol=1)
    assert cell.name == record.cells[0].name
    (bench.store.folder(cell.name) / "synthetic.npz").write_bytes(b"windows")
    return Case(bench.store, cell, record)


# --- the store's content -----------------------------------------------------------------------------


def flip(file: Path) -> None:
    """Change one digit in the middle of a file."""
    content = bytearray(file.read_bytes())
    place = content.rfind(b'"version": 1') + len(b'"version": ')
    content[place : place + 1] = b"2"
    file.write_bytes(bytes(content))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def of_schema(file: Path, kind: str) -> None:
    """Seal a record of a later version of the format."""
    reseal(file, kind, schema=4)


def reseal(file: Path, kind: str = "Score", **members: Any) -> None:
    """Seal a record with other members, of any type."""
    content = msgspec.json.decode(file.read_bytes())
    del content["sha256"]
    other = msgspec.defstruct(kind, [*content])
    file.write_bytes(encode(other(**content | members)))


def damage_windows(case: Case) -> None:
    case.change_cell(synthetic_file="0" * 64)
    assert case.store.damage(case.cell.name) is not None


def swap_score(case: Case) -> None:
    """Put the score of one metric in the place of another's."""
    other = case.store.score_file(case.cell.name, case.metrics[0])
    case.score_file.write_bytes(other.read_bytes())
    assert case.store.damage(case.cell.name) == case.score_file


def swap_cell(case: Case) -> None:
    """Put the record of another seed, with windows alike, in the place of the cell's."""
    case.change_cell(cell=msgspec.structs.replace(case.cell, seed=2))
    assert case.store.damage(case.cell.name) == case.cell_file


HELD: dict[str, tuple[Callable[[Case], object], str]] = {
    "todo": (lambda case: case.cell_file.unlink(), "todo"),
    "ok": (lambda case: None, "done"),
    "skipped": (lambda case: case.change_cell(status="skipped", reason="short"), "skipped"),
    "failed": (lambda case: case.change_cell(status="failed", reason="boom"), "failed"),
    "skipped score": (lambda case: case.change_score(status="skipped", value=None), "done"),
    "failed score": (lambda case: case.change_score(status="failed", value=None), "failed"),
    "missing score": (lambda case: case.score_file.unlink(), "todo"),
    "damaged record, flipped": (lambda case: flip(case.cell_file), "todo"),
    "damaged record, cut": (lambda case: cut(case.cell_file), "todo"),
    "damaged score, flipped": (lambda case: flip(case.score_file), "todo"),
    "damaged score, cut": (lambda case: cut(case.score_file), "todo"),
    "damaged windows": (damage_windows, "done"),
    "score of other windows": (lambda case: case.change_score(synthetic="f" * 64), "todo"),
    "score of another metric": (swap_score, "todo"),
    "score of another cell": (lambda case: case.change_score(cell="mitdb/gmm/seed-0-0"), "todo"),
    "record of another cell": (swap_cell, "todo"),
    "cell of unknown version": (lambda case: of_schema(case.cell_file, "Cell"), "error"),
    "score of unknown version": (lambda case: of_schema(case.score_file, "Score"), "error"),
    "score without a number": (lambda case: case.change_score(value=None), "failed"),
    "score beyond any number": (lambda case: case.change_score(value=1e200), "failed"),
    "score with a list for a number": (lambda case: reseal(case.score_file, value=[]), "todo"),
    "score out of bounds": (lambda case: case.change_score(value=9.1), "failed"),
}
"""Changes of a store with a successful cell, and the state of the cell after each."""


# --- readers -----------------------------------------------------------------------------------------


def joined(statuses: set[str]) -> str:
    """The state of a cell by the statuses of its scores, as a person reads a table of them."""
    for status in ("todo", "failed"):
        if status in statuses:
            return status
    return "skipped" if statuses == {"skipped"} else "done"


def plan(case: Case, bench: Bench) -> str:
    return state_of(case.cell, case.metrics, case.store).state


def board(case: Case, bench: Bench) -> str:
    return joined({score.status for score in bench.board.rows[0].scores.values()})


def status(case: Case, bench: Bench) -> str:
    (count,) = status_of(case.store).boards
    (found,) = [s for s in ("done", "failed", "skipped", "running", "todo") if getattr(count, s)]
    return found


def run(case: Case, bench: Bench) -> str:
    """Return the state from the last lines of a run."""
    printed = io.StringIO()
    planned = Plan(case.record, (state_of(case.cell, case.metrics, case.store),))
    outcome = run_of(planned, case.store, Study(name="test"))
    code = report(outcome, Console(file=printed, width=200))
    ends = {"1 cells failed": "failed", "1 cells are still to do": "todo"}
    (found,) = [state for text, state in ends.items() if text in printed.getvalue()] or ["done"]
    assert code == (found != "done")
    return found


def audited(case: Case, bench: Bench) -> str:
    cell = cell_outcome(case.store, case.cell.name)
    ends = [audit._end(case.store, case.cell, cell, metric) for metric in case.metrics]
    return joined({"todo" if "was not finished" in e.reason else e.status for e in ends})


def reproduced(case: Case, bench: Bench) -> str:
    """Return the state from the scores of a reproduction."""
    try:
        record = reproduce._ended_well(case.store, case.cell.name)
    except DamagedError:
        return "todo"
    except StoreError as error:
        for said, found in {
            "has no cell": "todo",
            "as skipped": "skipped",
            "as failed": "failed",
        }.items():
            if said in str(error):
                return found
        raise
    scores, lost = reproduce.split_scores(case.store, record)
    if lost or len(scores) < len(case.metrics):
        return "todo"
    return joined({score.status for score in scores})


READERS = {"plan": plan, "board": board, "status": status, "run": run}
READERS |= {"audit": audited, "reproduce": reproduced}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("held", HELD)
def test_every_reader_gives_one_answer(case: Case, bench: Bench, held: str, reader: str) -> None:
    change, expected = HELD[held]
    change(case)
    if expected == "error":
        with pytest.raises(StoreError, match="has schema 4, this ecgbench reads schema 3"):
            READERS[reader](case, bench)
        return
    if reader == "run" and expected == "skipped":
        expected = "done"  # a run prints neither
    assert READERS[reader](case, bench) == expected


def test_a_cell_with_a_held_lease_is_running_for_status_and_to_do_for_all_others(
    case: Case, bench: Bench
) -> None:
    case.score_file.unlink()
    with Leases(case.store.path) as leases:
        assert leases.take(case.cell.name)
        answers = {name: reader(case, bench) for name, reader in READERS.items()}
    assert answers == dict.fromkeys(READERS, "todo") | {"status": "running"}


def test_a_cell_that_has_ended_is_not_running_though_its_lease_is_held(
    case: Case, bench: Bench
) -> None:
    with Leases(case.store.path) as leases:
        assert leases.take(case.cell.name)
        assert status(case, bench) == "done"


@pytest.mark.parametrize("name", ["cell_file", "score_file"])
def test_the_quick_answer_is_that_of_the_decoded_records_whichever_byte_is_flipped(
    case: Case, bench: Bench, name: str
) -> None:
    wanted = {case.store.score_file("", metric).name: metric.bounds for metric in case.metrics}
    folder, file = str(case.cell_file.parent), getattr(case, name)
    sound = file.read_bytes()
    for place in range(len(sound)):
        content = bytearray(sound)
        content[place] ^= 1
        file.write_bytes(bytes(content))
        answers: list[object] = []
        for reader in (lambda: plan(case, bench), lambda: quick_state(folder, wanted)):
            with suppress(DamagedError):
                try:
                    answers.append(reader())
                except StoreError as error:
                    answers.append(str(error))
        assert len(answers) == 2
        assert answers[0] == answers[1] != "done", place


def test_failed_scores_are_forgotten_those_without_a_number_too(case: Case) -> None:
    case.change_score(value=None)
    other = case.store.score_file(case.cell.name, case.metrics[0])
    forget_failed(case.store, case.cell.name, case.metrics[:1])
    assert case.score_file.exists()
    forget_failed(case.store, case.cell.name, case.metrics)
    assert not case.score_file.exists()
    assert other.exists()
