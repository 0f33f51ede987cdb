from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgbench.results.exchange import sound
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.provenance import origins
from ecgbench.results.store.records import (
    CostsRecord,
    PlanRecord,
    digest_of,
    encode,
)
from ecgbench.results.store.store import sha256, write
from tests.results.exchange.builders import (
    CONTRIBUTIONS,
    Source,
    ends,
    metric,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse(theirs: Source, ours: Source, message: str) -> None:
    """See the bad cell refused for this, and a good cell of the archive added."""
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
    refuse(theirs, ours, "cell.json is missing")


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
    """Seals the changed bytes of a record."""
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


# --- how deep a record is nested ------------------------------------------------------------


TEXTS = st.text(alphabet=st.sampled_from([*'"\\\\[]{}n,: \n', "é"]))
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_the_depth_of_a_text_is_that_of_its_value(
    value: Any, indent: int | None, plain: bool
) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=plain).encode()
    assert sound._depth(content) == depth(value)


def test_a_text_cannot_hide_how_deep_it_is() -> None:
    assert sound._depth(b"[" * 500 + b'"' + b"]" * 400 + b'"' + b"[" * 50) == 550
    assert sound._depth(b'["\\"' + b"]" * 400 + b'", ' + b"[" * 50) == 51
    assert sound._depth(b'[""' + b"[" * 50) == 51
