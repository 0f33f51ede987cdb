from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.errors import DataError, StoreError
from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.board.board import boards
from ecgbench.results.exchange.archive import pack
from ecgbench.results.exchange.merge import cut_plan, merge
from ecgbench.results.exchange.provenance import BroughtRecord, brought_of, origins, provenance
from ecgbench.results.store.lease import Leases
from ecgbench.results.store.npz import npz, synthetic_digest
from ecgbench.results.store.records import (
    CellId,
    CellRecord,
    ContributionsRecord,
    CostsRecord,
    DatasetRecord,
    GeneratorRecord,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    PluginRecord,
    ScoreRecord,
    digest_of,
    encode,
    seal_of,
)
from ecgbench.results.store.store import Store, sha256, write
from tests.results.conftest import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ecgbench.results.exchange.merge import Check, Outcome

PLUGIN: dict[str, Any] = {"version": 1, "settings": {}, "origin": "x 1"}
DATASET = DatasetRecord(name="cohort", digest="d" * 64, **PLUGIN)
ENDED_WELL = [("cell", "added"), ("score", "added")]


def metric(name: str = "level", **fields: Any) -> MetricRecord:
    given: dict[str, Any] = {
        "family": "fidelity",
        "better": "lower",
        "bounds": (0.0, 9.0),
        "ideal": 0.0,
        "ranked": True,
    }
    return MetricRecord(name=name, **PLUGIN | given | fields)


class Source:
    """Somebody else's store, and archives of all that is in it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def cell(self, generator: str = "jitter", seed: int = 0, **fields: Any) -> CellRecord:
        """Write a cell that ended well, unless told otherwise, with windows and a curve."""
        used = PluginRecord(name=generator, **PLUGIN)
        cell = CellId(dataset=DATASET, generator=used, seed=seed, protocol=1)
        arrays = fields.pop("arrays", {})
        windows = EcgWindows(
            signals=np.arange(24, dtype=np.float32).reshape(3, 1, 8) + fields.pop("shift", 0),
            labels=np.array([0, 1, 1]),
            patients=np.full(3, -1),
            sampling_rate=8.0,
            leads=("II",),
            classes=("N", "V"),
        )
        record = CellRecord(
            cell=cell,
            status="ok",
            costs=CostsRecord(fit_seconds=1.0, sample_seconds=0.1, cpu_seconds=1.0, peak_memory=9),
        )
        if fields.get("status", "ok") == "ok":
            file = npz({"signals": windows.signals, "labels": windows.labels} | arrays)
            write(self.store.folder(cell.name) / "synthetic.npz", file)
            digest = self.store.write_artefact(cell.name, "training.csv", b"step\n1\n")
            record = msgspec.structs.replace(
                record,
                synthetic=synthetic_digest(windows),
                synthetic_file=sha256(file),
                artefacts={"training.csv": digest},
            )
        record = msgspec.structs.replace(record, **fields)
        self.store.write_cell(record)
        return record

    def score(self, of: CellRecord, name: str = "level", **fields: Any) -> ScoreRecord:
        """Write a score of a cell, with an artefact."""
        artefact = f"{name}-note.txt"
        common = ScoreRecord(
            metric=fields.pop("metric", metric(name)),
            cell=of.cell.name,
            synthetic=of.synthetic,
            status="ok",
            value=1.5,
            artefacts={artefact: self.store.write_artefact(of.cell.name, artefact, b"a note")},
        )
        record = msgspec.structs.replace(common, **fields)
        self.store.write_score(record)
        return record

    def plan(self, *records: CellRecord) -> PlanRecord:
        """Write the plan of these cells."""
        generators = sorted({record.cell.generator.name for record in records})
        plan = PlanRecord(
            protocol=1,
            study="quick",
            settings={},
            datasets=[DATASET],
            generators=[GeneratorRecord(name=name, **PLUGIN) for name in generators],
            metrics=[metric()],
            cells=[
                PlannedCell(
                    name=record.cell.name,
                    dataset=0,
                    generator=generators.index(record.cell.generator.name),
                    seed=record.cell.seed,
                )
                for record in records
            ],
        )
        self.store.write_plan(plan)
        return plan

    def archive(self, without: str = "nothing") -> Path:
        """An archive of all of it but files of this name."""
        root = self.store.path
        files = [file for part in ("cells", "plans") for file in (root / part).rglob("*.*")]
        contents: dict[str, bytes | Path] = {
            file.relative_to(root).as_posix(): file for file in files if file.name != without
        }
        to = root.with_suffix(".zip")
        pack(to, contents, who="a stranger", when="2026-01-01", environment={"python": "3.11"})
        return to


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    return Source(tmp_path / "theirs")


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Source]:
    """Our own store; nothing of a merge may be left lying in it."""
    source = Source(tmp_path / "ours")
    yield source
    assert not (source.store.path / "incoming").exists()
    assert not list((source.store.path / "leases").glob("*"))


def ends(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.what, outcome.end) for outcome in outcomes]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


# --- what goes in ----------------------------------------------------------------------------------


def test_a_cell_that_is_absent_goes_in_whole_with_its_plan(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    score = theirs.score(record)
    plan = theirs.plan(record)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added"), ("plan", "added")]
    assert ours.store.cell(record.cell.name) == record
    assert ours.store.scores(record.cell.name) == [score]
    assert ours.store.damage(record.cell.name) is None
    assert ours.store.plans() == []
    assert origins(ours.store).plans == [plan]
    (board,) = boards(ours.store, installed(plan.metrics))
    assert board.rows[0].scores["level"].value == 1.5
    there, here = contents(theirs.store.path / "cells"), contents(ours.store.path / "cells")
    assert here == there


@pytest.mark.parametrize("at_a_time", [2, 16])
def test_every_file_of_a_cell_is_on_the_disk_before_it_stands_in_its_place(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr("ecgbench.results.exchange.merge.SYNCED", at_a_time)
    theirs.score(theirs.cell())
    archive = theirs.archive()
    synced: list[tuple[int, int]] = []

    def sync(number: int) -> None:
        found = os.fstat(number)
        synced.append((found.st_dev, found.st_ino))

    rename = type(archive).rename
    wanted: list[bool] = []

    def renamed(source: Path, target: Path) -> Path:
        inside = (source, *source.rglob("*"))
        wanted.extend((f.stat().st_dev, f.stat().st_ino) in synced for f in inside)
        return rename(source, target)

    monkeypatch.setattr("os.fsync", sync)
    monkeypatch.setattr(type(archive), "rename", renamed)
    assert ends(merge(ours.store, archive)) == ENDED_WELL[:1]
    assert len(wanted) > 5
    assert all(wanted)


def test_a_second_merge_finds_everything_here_and_changes_nothing(
    theirs: Source, ours: Source
) -> None:
    record = theirs.cell()
    theirs.score(record)
    theirs.plan(record)
    merge(ours.store, theirs.archive())
    before = contents(ours.store.path)
    written = {file: file.stat().st_ino for file in ours.store.path.rglob("*.*")}
    outcomes = merge(ours.store, theirs.archive())
    assert {file: file.stat().st_ino for file in ours.store.path.rglob("*.*")} == written
    assert {end for _, end in ends(outcomes)} == {"already here"}
    assert [outcome.what for outcome in outcomes] == ["cell", "score", "plan"]
    assert contents(ours.store.path) == before


def test_skipped_and_failed_cells_and_scores_go_in_too(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    theirs.score(record, status="skipped", value=None, reason="it does not apply")
    theirs.cell("other", status="failed", reason="no")
    theirs.cell("third", status="skipped", reason="no", costs=None)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")] * 3


def test_a_reference_row_goes_in_with_the_places_of_its_windows(
    theirs: Source, ours: Source
) -> None:
    file = npz({"labels": np.array([0, 1]), "indices": np.array([7, 9])})
    reference = theirs.cell("real", reference=True, stored=False, synthetic_file=sha256(file))
    write(theirs.store.folder(reference.cell.name) / "synthetic.npz", file)
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")]


def test_a_cell_without_its_windows_goes_in(theirs: Source, ours: Source) -> None:
    theirs.cell(stored=False, synthetic_file="")
    assert ends(merge(ours.store, theirs.archive(without="synthetic.npz"))) == [("cell", "added")]


def test_scores_that_a_cell_lacks_are_added_with_their_artefacts(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    old = ours.score(mine)
    record = theirs.cell()
    theirs.score(record)
    added = theirs.score(record, "spread")
    assert ends(merge(ours.store, theirs.archive())) == [
        ("cell", "already here"),
        ("score", "already here"),
        ("score", "added"),
    ]
    assert ours.store.scores(mine.cell.name) == [old, added]
    assert ours.store.damage(mine.cell.name) is None


def test_what_a_run_that_did_not_end_has_left_is_set_aside(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    left = ours.store.folder(record.cell.name) / "checkpoint" / "all" / "step"
    write(left, b"7")
    assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")]
    assert not left.exists()
    assert [f.read_bytes() for f in (ours.store.path / "damaged").rglob("step")] == [b"7"]


def test_a_plan_is_cut_to_the_cells_that_are_here(theirs: Source, ours: Source) -> None:
    good, bad = theirs.cell(), theirs.cell("other")
    theirs.plan(good, bad)
    folder = theirs.store.folder(bad.cell.name)
    (folder / "cell.json").write_bytes(b"{}")
    assert ends(merge(ours.store, theirs.archive())) == [
        ("cell", "added"),
        ("cell", "refused"),
        ("plan", "added"),
    ]
    (plan,) = origins(ours.store).plans
    assert [cell.name for cell in plan.cells] == [good.cell.name]
    assert [generator.name for generator in plan.generators] == ["jitter"]


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


# --- conflicts -------------------------------------------------------------------------------------


def only_conflict(theirs: Source, ours: Source) -> Outcome:
    """Merge; see that nothing of ours has changed; return the one conflict."""
    before = contents(ours.store.path / "cells")
    outcomes = merge(ours.store, theirs.archive())
    assert contents(ours.store.path / "cells") == before
    (conflict,) = (outcome for outcome in outcomes if outcome.end == "conflict")
    return conflict


def test_other_windows_under_one_name_are_a_conflict(theirs: Source, ours: Source) -> None:
    mine, record = ours.cell(shift=1), theirs.cell()
    conflict = only_conflict(theirs, ours)
    assert conflict.what == "cell"
    assert mine.synthetic[:12] in conflict.ours
    assert record.synthetic[:12] in conflict.theirs
    assert str(ours.store.folder(mine.cell.name)) in conflict.reason


def test_ours_that_failed_and_theirs_that_ended_well_are_a_conflict_with_a_way_out(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell(status="failed", reason="no memory")
    theirs.cell()
    conflict = only_conflict(theirs, ours)
    assert conflict.ours == "failed: no memory"
    assert f"remove {ours.store.folder(mine.cell.name)}" in conflict.reason


@pytest.mark.parametrize("fields", [{"value": 2.0}, {"status": "failed", "value": None}])
def test_another_score_of_the_same_windows_is_a_conflict(
    theirs: Source, ours: Source, fields: dict[str, Any]
) -> None:
    ours.score(ours.cell())
    theirs.score(theirs.cell(), **fields)
    conflict = only_conflict(theirs, ours)
    assert conflict.what == "score"
    assert conflict.metric == f"level-{metric().key}"
    assert conflict.ours == "1.5"


def test_what_the_same_windows_cost_is_no_conflict_and_ours_stays(
    theirs: Source, ours: Source
) -> None:
    cost = metric("fit-seconds", family="cost")
    ours.score(ours.cell(), name="fit-seconds", metric=cost)
    theirs.score(theirs.cell(), name="fit-seconds", metric=cost, value=2.0)
    before = contents(ours.store.path / "cells")
    outcomes = merge(ours.store, theirs.archive())
    assert {end for _, end in ends(outcomes)} == {"already here"}
    assert contents(ours.store.path / "cells") == before


def test_what_their_run_cost_is_not_put_beside_our_costs(theirs: Source, ours: Source) -> None:
    costs = CostsRecord(fit_seconds=9.0, sample_seconds=0.1, cpu_seconds=1.0, peak_memory=9)
    ours.cell()
    theirs.score(
        theirs.cell(costs=costs), name="fit-seconds", metric=metric("fit-seconds", family="cost")
    )
    assert "their run cost" in only_conflict(theirs, ours).reason


def test_a_score_whose_artefact_would_overwrite_ours_is_a_conflict(
    theirs: Source, ours: Source
) -> None:
    ours.store.write_artefact(ours.cell().cell.name, "level-note.txt", b"another note")
    theirs.score(theirs.cell())
    assert "is here with other content" in only_conflict(theirs, ours).reason


def test_a_cell_or_score_of_ours_that_is_damaged_is_a_conflict(
    theirs: Source, ours: Source
) -> None:
    mine, record = ours.cell(), theirs.cell()
    theirs.score(record)
    ours.score(mine)
    file = ours.store.score_file(mine.cell.name, metric())
    file.write_bytes(b"{}")
    assert only_conflict(theirs, ours).ours == "damaged"
    (ours.store.folder(mine.cell.name) / "cell.json").write_bytes(b"{}")
    assert only_conflict(theirs, ours).what == "cell"


def test_a_cell_that_a_run_is_working_on_is_left(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    with Leases(ours.store.path) as leases:
        assert leases.take(record.cell.name) is not None
        conflict = only_conflict(theirs, ours)
    assert "a run, or another merge, is working on it" in conflict.reason
    assert ours.store.cell(record.cell.name) is None


# --- what is refused -------------------------------------------------------------------------------


def refuse(theirs: Source, ours: Source, message: str) -> None:
    """See that the bad cell is refused for this, and that a good one of the archive goes in."""
    good = theirs.cell("good")
    outcomes = merge(ours.store, theirs.archive())
    refused = [outcome for outcome in outcomes if outcome.end == "refused"]
    assert [outcome.what for outcome in refused] == ["cell"]
    assert message in refused[0].reason
    assert list(ours.store.cell_names()) == [good.cell.name]


def resealed(record: msgspec.Struct, **fields: Any) -> bytes:
    return encode(msgspec.structs.replace(record, **fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"synthetic": "f" * 64}, "these are not the windows"),
        ({"synthetic_file": "f" * 64}, "does not have the SHA-256 that cell.json tells"),
        ({"synthetic": "", "synthetic_file": ""}, "it ended as ok with windows ''"),
        ({"synthetic_file": ""}, "it ended as ok with a file ''"),
        ({"status": "failed", "synthetic": "f" * 64}, "it ended as failed with windows"),
        ({"status": "failed", "synthetic_file": "f" * 64}, "it ended as failed with a file"),
        ({"stored": False, "synthetic_file": ""}, "synthetic.npz is in no record"),
        ({"stored": False, "reference": True}, "it holds signals, labels"),
        ({"artefacts": {}}, "artefacts/training.csv is in no record"),
        ({"artefacts": {"training.csv": "f" * 64}}, "training.csv is missing, or not what it was"),
        (
            {"artefacts": {"../../cell.json": "f" * 64}},
            "no artefact can be called '../../cell.json'",
        ),
    ],
)
def test_a_cell_that_does_not_agree_with_itself_is_refused(
    theirs: Source, ours: Source, fields: dict[str, Any], message: str
) -> None:
    theirs.cell(**fields)
    refuse(theirs, ours, message)


@pytest.mark.parametrize("cost", [-1.0, float("-inf")])
def test_costs_below_zero_are_refused(theirs: Source, ours: Source, cost: float) -> None:
    costs: dict[str, Any] = {
        "fit_seconds": cost,
        "sample_seconds": 0.1,
        "cpu_seconds": 1.0,
        "peak_memory": 9,
    }
    record = theirs.cell()
    text = encode(msgspec.structs.replace(record, costs=CostsRecord(**costs)))
    theirs.store.folder(record.cell.name).joinpath("cell.json").write_bytes(text)
    refuse(theirs, ours, "cell.json: ")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"signals": np.zeros((3, 1, 8))}, "signals are float64"),
        ({"signals": np.zeros((3, 8), np.float32)}, "signals are float32 of shape (3, 8)"),
        ({"signals": np.zeros((2, 1, 8), np.float32)}, "signals are float32 of shape (2, 1, 8)"),
        ({"signals": np.full((3, 1, 8), np.nan, np.float32)}, "signals hold NaN or infinite"),
        ({"signals": np.full((3, 1, 8), np.inf, np.float32)}, "signals hold NaN or infinite"),
        ({"labels": np.zeros(3)}, "labels are float64"),
        ({"labels": np.array([0, -1, 0])}, "labels are int64"),
        ({"labels": np.zeros((3, 1), np.int64)}, "labels are int64 of shape (3, 1)"),
        ({"names": np.zeros(3)}, "it holds"),
        ({"signals": np.ones((3, 1, 8), np.float32)}, "these are not the windows"),
    ],
)
def test_windows_that_are_none_are_refused(
    theirs: Source, ours: Source, arrays: dict[str, Any], message: str
) -> None:
    theirs.cell(arrays=arrays)
    refuse(theirs, ours, f"synthetic.npz: {message}")


def test_windows_that_are_no_arrays_are_refused(theirs: Source, ours: Source) -> None:
    record = theirs.cell(synthetic_file=sha256(b"none"))
    write(theirs.store.folder(record.cell.name) / "synthetic.npz", b"none")
    refuse(theirs, ours, "synthetic.npz: it is no archive of arrays")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": None}, "it ended as ok with the value None"),
        ({"status": "failed"}, "it ended as failed with the value 1.5"),
        ({"value": 9.1}, "its value, 9.1, is out of the metric's bounds"),
        ({"value": -0.1}, "its value, -0.1, is out of the metric's bounds"),
        (
            {"cell": "cohort/jitter/seed-1-000000000000"},
            "it is a score of cell cohort/jitter/seed-1",
        ),
        ({"synthetic": "f" * 64}, "the score of other windows"),
        ({"seconds": -1.0}, "seconds is -1.0"),
        ({"n": -1}, "n is -1"),
        ({"n": 2**63 + 5}, "at most 9007199254740991"),
        ({"n": 2**53}, "at most 9007199254740991"),
        (
            {"value": 1.7e308, "metric": metric(bounds=(None, None))},
            "its value, 1.7e+308, is beyond 1e+100",
        ),
        (
            {"artefacts": {"level-note.txt": "f" * 64}},
            "level-note.txt is missing, or not what it was",
        ),
        ({"artefacts": {"training.csv": sha256(b"step\n1\n")}}, "is not called level-…"),
        ({"artefacts": {}}, "artefacts/level-note.txt is in no record"),
    ],
)
def test_a_score_that_does_not_agree_with_itself_or_its_cell_is_refused(
    theirs: Source, ours: Source, fields: dict[str, Any], message: str
) -> None:
    record = theirs.cell()
    file = theirs.store.score_file(record.cell.name, metric())
    write(file, resealed(theirs.score(record), **fields))
    refuse(theirs, ours, message)


CONTRIBUTIONS = ContributionsRecord(
    people=[4, 9],
    numerators=[[1.0], [2.0]],
    denominators=[[2.0], [1.0]],
    coefficients=[1.0],
    offset=0.5,
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, None),
        ({"offset": 0.6}, "its contributions make 1.6, its value is 1.5"),
        ({"people": [4]}, "shapes"),
        ({"people": [4, 4]}, "shapes"),
        ({"numerators": [[1.0], [2.0, 3.0]]}, "scores/level"),
        ({"numerators": [[1e308], [1e308]]}, "numbers beyond 1e+100"),
        ({"people": [4, 2**63]}, "scores/level"),
        ({"people": [], "numerators": [], "denominators": []}, "shapes"),
        ({"numerators": [[1.0], [-1e308]], "offset": 1e308}, "numbers beyond 1e+100"),
        ({"coefficients": [1e308]}, "numbers beyond 1e+100"),
        ({"coefficients": [1.0] * 1001}, "more than 1000 terms"),
        ({"people": [9, 4]}, "not in ascending order"),
    ],
)
def test_contributions_have_to_make_the_value(
    theirs: Source, ours: Source, fields: dict[str, Any], message: str | None
) -> None:
    contributions = msgspec.structs.replace(CONTRIBUTIONS, **fields)
    theirs.score(theirs.cell(), contributions=contributions)
    if message is None:
        assert ends(merge(ours.store, theirs.archive())) == [("cell", "added")]
    else:
        refuse(theirs, ours, message)


def test_contributions_of_more_people_than_a_board_can_draw_are_refused(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecgbench.results.exchange.sound.MAX_PEOPLE", 1)
    theirs.score(theirs.cell(), contributions=CONTRIBUTIONS)
    refuse(theirs, ours, "more than 1 people")


def test_a_score_that_has_no_value_has_no_contributions(theirs: Source, ours: Source) -> None:
    fields: dict[str, Any] = {"status": "skipped", "value": None, "contributions": CONTRIBUTIONS}
    theirs.score(theirs.cell(), **fields)
    refuse(theirs, ours, "it ended as skipped with contributions")


def test_a_score_of_a_cell_that_did_not_end_well_is_refused(theirs: Source, ours: Source) -> None:
    theirs.score(theirs.cell(status="failed"))
    refuse(theirs, ours, "and here is failed")


def test_a_cell_under_another_name_is_refused(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    folder = theirs.store.folder(record.cell.name)
    folder.rename(folder.with_name(f"seed-0-{'0' * 12}"))
    refuse(theirs, ours, f"it is the record of cell {record.cell.name}")


def test_a_score_under_another_name_is_refused(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    theirs.score(record)
    file = theirs.store.score_file(record.cell.name, metric())
    file.rename(file.with_name(f"level-{'0' * 12}.json"))
    refuse(theirs, ours, f"it is the score level-{metric().key}")


def test_a_folder_without_a_record_is_refused(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    (theirs.store.folder(record.cell.name) / "cell.json").unlink()
    refuse(theirs, ours, "cell.json: No such file")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"1e999", "out of range"),
        (b"NaN", "malformed"),
        (b"9" * 5000, "out of range"),
        (b'"\\ud800"', "cell.json: "),
        (b'"\xff"', "cell.json: "),
        (b"[" * 100_000, "nested more than 100 deep"),
        (b"[" * 101 + b"]" * 101, "nested more than 100 deep"),
    ],
)
def test_json_that_is_none_is_refused(
    theirs: Source, ours: Source, raw: bytes, message: str, seal: Callable[[bytes], bytes]
) -> None:
    record = theirs.cell(environment={"a": "@@"})
    file = theirs.store.folder(record.cell.name) / "cell.json"
    file.write_bytes(seal(file.read_bytes().replace(b'"@@"', raw)))
    refuse(theirs, ours, message)


@pytest.fixture
def seal() -> Callable[[bytes], bytes]:
    """Seals the bytes of a record that were changed."""
    from ecgbench.results.store.records import SEAL, SEALED, UNSEALED

    def of(content: bytes) -> bytes:
        plain = content.replace(SEAL % SEALED.findall(content)[0], SEAL % UNSEALED)
        return plain.replace(SEAL % UNSEALED, SEAL % sha256(plain).encode())

    return of


def test_a_record_whose_seal_is_broken_is_refused(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    file = theirs.store.folder(record.cell.name) / "cell.json"
    file.write_bytes(file.read_bytes().replace(b'"threads": 1', b'"threads": 2'))
    refuse(theirs, ours, "cell.json: its bytes do not have the SHA-256")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "cohort/jitter/seed-0-000000000000"}, "it calls a cell"),
        ({"name": "../../outside"}, "it calls a cell"),
        ({"seed": 1}, "it calls a cell"),
        ({"seed": -1}, "`$.cells[0].seed`"),
        ({"seed": 2**63}, "`$.cells[0].seed`"),
        ({"generator": 1}, "that it does not name"),
        ({"generator": -1}, "that it does not name"),
        ({"dataset": -1}, "that it does not name"),
    ],
)
def test_a_plan_that_does_not_agree_with_itself_is_refused(
    theirs: Source, ours: Source, fields: dict[str, Any], message: str
) -> None:
    plan = theirs.plan(theirs.cell())
    cells = [msgspec.structs.replace(plan.cells[0], **fields)]
    plan_is_refused(theirs, ours, msgspec.structs.replace(plan, cells=cells), message)


def plan_is_refused(theirs: Source, ours: Source, plan: PlanRecord, message: str) -> None:
    for file in theirs.store.path.glob("plans/*/*"):
        file.unlink()
    theirs.store.write_plan(plan)
    cell, refused = merge(ours.store, theirs.archive())
    assert (cell.end, refused.what, refused.end) == ("added", "plan", "refused")
    assert message in refused.reason
    assert not origins(ours.store).plans


def test_a_plan_of_plugins_whose_names_are_no_names_is_refused(
    theirs: Source, ours: Source
) -> None:
    plan = theirs.plan(theirs.cell())
    odd = msgspec.structs.replace(plan, metrics=[metric("level\n")])
    plan_is_refused(theirs, ours, odd, "`$.metrics[0].name`")


def test_a_plan_of_cells_that_are_not_here_is_refused(theirs: Source, ours: Source) -> None:
    there = theirs.cell()
    plan = theirs.plan(theirs.cell("gone"))
    (theirs.store.folder(plan.cells[0].name) / "cell.json").unlink()
    outcomes = merge(ours.store, theirs.archive())
    assert outcomes[-1].reason == "none of its cells is here"
    assert list(ours.store.cell_names()) == [there.cell.name]


def test_a_plan_under_another_name_is_refused(theirs: Source, ours: Source) -> None:
    plan = theirs.plan(theirs.cell())
    (file,) = theirs.store.path.glob("plans/*/*")
    file.rename(file.with_name(f"{'0' * 12}.json"))
    outcomes = merge(ours.store, theirs.archive())
    assert f"it is the plan {plan.board_key}/{digest_of(plan)}" in outcomes[-1].reason


def test_of_a_bad_archive_nothing_goes_in(theirs: Source, ours: Source) -> None:
    theirs.cell()
    file = theirs.archive()
    file.write_bytes(file.read_bytes().replace(b"step\n1\n", b"step\n2\n")[:-1])
    with pytest.raises(StoreError, match=r"archive .*theirs\.zip"):
        merge(ours.store, file)
    assert not ours.store.path.exists()


# --- the check -------------------------------------------------------------------------------------


def check_with(answer: list[str] | Exception, asked: list[str]) -> Check:
    def check(store: Store, cell: str) -> list[str]:
        assert store.cell(cell) is not None
        asked.append(cell)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return check


def test_the_check_sees_each_cell_before_it_goes_in(theirs: Source, ours: Source) -> None:
    names = [theirs.cell(generator).cell.name for generator in ("a", "b")]
    asked: list[str] = []
    outcomes = merge(ours.store, theirs.archive(), check_with([], asked))
    assert asked == names
    assert ends(outcomes) == [("cell", "added")] * 2


@pytest.mark.parametrize("answer", [["level differs"], DataError("level differs")])
def test_a_cell_that_does_not_stand_the_check_is_refused(
    theirs: Source, ours: Source, answer: list[str] | Exception
) -> None:
    theirs.cell()
    (outcome,) = merge(ours.store, theirs.archive(), check_with(answer, []))
    assert (outcome.end, outcome.reason) == ("refused", "level differs")
    assert not list(ours.store.cell_names())
    assert not list((ours.store.path / "provenance").glob("*"))


def test_scores_of_a_cell_that_is_here_are_checked_before_they_are_added(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    theirs.score(theirs.cell())
    (outcome,) = merge(ours.store, theirs.archive(), check_with(["it differs"], []))
    assert (outcome.what, outcome.end) == ("cell", "refused")
    assert not ours.store.scores(mine.cell.name)


def test_what_is_here_is_not_checked(theirs: Source, ours: Source) -> None:
    ours.cell()
    theirs.cell()
    asked: list[str] = []
    merge(ours.store, theirs.archive(), check_with([], asked))
    assert not asked


def test_nothing_is_left_when_a_check_breaks(theirs: Source, ours: Source) -> None:
    theirs.cell()
    with pytest.raises(ZeroDivisionError):
        merge(ours.store, theirs.archive(), lambda store, cell: [str(1 // 0)])


# --- where it came from ----------------------------------------------------------------------------


def test_it_is_known_which_archive_a_cell_came_from(theirs: Source, ours: Source) -> None:
    mine, record = ours.cell("mine"), theirs.cell()
    archive = theirs.archive()
    merge(ours.store, archive)
    (found,) = provenance(ours.store, record.cell.name)
    assert (found.who, found.when) == ("a stranger", "2026-01-01")
    assert found.environment == {"python": "3.11"}
    assert found.archive == sha256(archive.read_bytes())
    (folder,) = (ours.store.path / "provenance").iterdir()
    seal = seal_of((ours.store.folder(record.cell.name) / "cell.json").read_bytes())
    brought = BroughtRecord(cell=record.cell.name, files={"cell.json": seal})
    assert brought_of(folder, record.cell.name) == brought
    assert brought_of(folder, mine.cell.name) is None
    assert provenance(ours.store, mine.cell.name) == []
    assert provenance(ours.store, "none/none/seed-0-000000000000") == []


def test_a_cell_to_which_an_archive_added_a_score_came_from_it_too(
    theirs: Source, ours: Source
) -> None:
    mine = ours.cell()
    theirs.score(theirs.cell())
    merge(ours.store, theirs.archive())
    assert len(provenance(ours.store, mine.cell.name)) == 1


def test_a_cell_that_was_here_did_not_come_from_the_archive(theirs: Source, ours: Source) -> None:
    mine = ours.cell()
    ours.score(mine)
    theirs.score(theirs.cell())
    merge(ours.store, theirs.archive())
    assert provenance(ours.store, mine.cell.name) == []
    assert not (ours.store.path / "provenance").exists()


def test_a_cell_made_anew_here_did_not_come_from_the_archive(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    merge(ours.store, theirs.archive())
    ours.store.forget(record.cell)
    ours.cell(shift=1)
    assert provenance(ours.store, record.cell.name) == []


def test_a_merge_that_is_killed_has_noted_what_it_was_taking_in(
    theirs: Source, ours: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [theirs.cell(generator).cell.name for generator in ("a", "b")]
    rename, killed = os.rename, KeyboardInterrupt()

    def first_only(self: Path, target: Path) -> None:
        if (
            "incoming" in str(self)
            and target.parent.parent.joinpath("a").exists()
            and "/b/" in str(self)
        ):
            raise killed
        rename(self, target)

    monkeypatch.setattr("pathlib.Path.rename", first_only)
    with pytest.raises(KeyboardInterrupt):
        merge(ours.store, theirs.archive())
    assert list(ours.store.cell_names()) == names[:1]
    assert len(provenance(ours.store, names[0])) == 1


def test_what_an_archive_brings_later_is_added_to_what_it_brought(
    theirs: Source, ours: Source
) -> None:
    first, second = theirs.cell("a"), theirs.cell("b")
    ours.cell("b", shift=1)
    archive = theirs.archive()
    merge(ours.store, archive)
    ours.store.folder(second.cell.name).rename(ours.store.path / "removed")
    merge(ours.store, archive)
    assert provenance(ours.store, first.cell.name) == provenance(ours.store, second.cell.name)
    assert len(provenance(ours.store, second.cell.name)) == 1


def test_a_provenance_that_is_not_what_was_written_is_told(theirs: Source, ours: Source) -> None:
    record = theirs.cell()
    merge(ours.store, theirs.archive())
    for file in (ours.store.path / "provenance").rglob("*.json"):
        sound = file.read_bytes()
        file.write_bytes(sound.replace(b"a", b"b", 1))
        with pytest.raises(StoreError, match="it is not known what an archive brought"):
            provenance(ours.store, record.cell.name)
        with pytest.raises(StoreError, match="it is not known what an archive brought"):
            boards(ours.store, installed([metric()]))
        file.write_bytes(sound)
