"""What of a store is damaged, and how it is set aside."""

from __future__ import annotations

import pytest

from ecgbench.results.store.records import (
    encode,
)
from ecgbench.results.store.store import Store, sha256
from tests.results.store.conftest import (
    CELL,
    LEVEL,
    METRIC,
    OTHER_METRIC,
    PARTS,
    PLAN,
    SCORE,
    change,
    files,
    finished,
)


def test_a_sound_cell_has_no_damage_and_one_that_has_not_ended_neither(store: Store) -> None:
    assert store.damage(CELL.name) is None
    folder = finished(store)
    assert store.damage(CELL.name) is None
    (folder / "cell.json").unlink()
    (folder / "synthetic.npz").write_bytes(b"half")
    assert store.damage(CELL.name) is None


@pytest.mark.parametrize("part", PARTS)
def test_damage_is_the_file_whose_bytes_are_not_those_that_were_written(
    store: Store, part: str
) -> None:
    file = finished(store) / part
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    assert store.damage(CELL.name) == file


@pytest.mark.parametrize(
    "part", [p for p in PARTS if p.split("/")[0] in {"synthetic.npz", "artefacts"}]
)
def test_a_file_that_a_record_speaks_of_and_that_is_not_there_is_damage(
    store: Store, part: str
) -> None:
    file = finished(store) / part
    file.unlink()
    assert store.damage(CELL.name) == file


def test_an_artefact_of_no_score_is_no_damage(store: Store) -> None:
    finished(store)
    store.write_artefact(CELL.name, "level-old.txt", b"of a score that was computed again")
    assert store.damage(CELL.name) is None


# --- setting aside ---------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["cell.json", "synthetic.npz", "artefacts/training.csv", None])
def test_a_damaged_cell_is_moved_whole(store: Store, part: str | None) -> None:
    folder = finished(store)
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    aside = store.set_aside(CELL.name, folder / part if part else None)
    assert not folder.exists()
    assert aside.is_relative_to(store.path / "damaged")
    assert {name: (aside / name).read_bytes() for name in files(aside)} == before
    assert list(store.cell_names()) == []


@pytest.mark.parametrize("part", [LEVEL, "artefacts/level-note.txt"])
def test_a_damaged_score_or_its_artefact_costs_that_score_alone(store: Store, part: str) -> None:
    folder = finished(store)
    aside = store.set_aside(CELL.name, folder / part)
    assert aside.is_relative_to(store.path / "damaged")
    assert aside.read_bytes() == encode(
        change(SCORE, artefacts={"level-note.txt": sha256(b"a note")})
    )
    assert store.score(CELL.name, METRIC) is None
    assert store.score(CELL.name, OTHER_METRIC) is not None
    assert store.cell(CELL.name) is not None


def test_what_is_damaged_twice_is_kept_twice(store: Store) -> None:
    asides = []
    for _ in range(2):
        folder = finished(store)
        asides += [store.set_aside(CELL.name, folder / LEVEL), store.set_aside(CELL.name)]
    assert len(set(asides)) == 4
    assert all(aside.exists() for aside in asides)


def test_setting_aside_what_is_not_there_changes_nothing(store: Store) -> None:
    store.set_aside(CELL.name)
    assert files(store.path) == []


def test_damage_and_setting_aside_come_to_an_end_however_much_is_damaged(store: Store) -> None:
    folder = finished(store)
    for part in PARTS:
        (folder / part).write_bytes(b"")
    set_aside = []
    while (file := store.damage(CELL.name)) is not None:
        set_aside.append(file)
        store.set_aside(CELL.name, file)
        assert len(set_aside) <= len(PARTS)
    assert set_aside == [folder / "cell.json"]


def test_a_damaged_plan_is_set_aside_and_the_others_stay(store: Store) -> None:
    store.write_plan(PLAN)
    store.write_plan(change(PLAN, cells=[]))
    file = next(f for f in store.path.rglob("plans/*/*.json") if b"seed-0" in f.read_bytes())
    file.write_bytes(file.read_bytes()[:-1])
    store.mend_plans()
    assert store.plans() == [change(PLAN, cells=[])]
    assert (store.path / "damaged" / "plans" / file.name).exists()
    store.write_plan(PLAN)
    assert len(store.plans()) == 2


def test_sound_plans_are_left_alone(store: Store) -> None:
    store.mend_plans()
    store.write_plan(PLAN)
    store.mend_plans()
    assert store.plans() == [PLAN]
    assert not (store.path / "damaged").exists()
