"""A flipped bit in a store is noticed, and costs its own file and nothing else."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.errors import DamagedError
from ecgbench.harness.api.run import set_aside_damaged
from ecgbench.results.store.npz import read_npz
from ecgbench.results.store.store import Store
from tests.store.conftest import state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ecgbench.harness.api.messages import Message
    from tests.store.conftest import Rehearsals, Undisturbed

pytestmark = pytest.mark.slow

BYTES = 40
"""Places to try in each file, each with all its bits."""

PARTS = (
    "cells/cohort/jitter/seed-0-*/cell.json",
    "cells/cohort/jitter/seed-0-*/synthetic.npz",
    "cells/cohort/jitter/seed-0-*/scores/level-*.json",
    "cells/cohort/jitter/seed-0-*/scores/spread-*.json",
    "cells/cohort/jitter/seed-0-*/scores/shared-*.json",
    "cells/cohort/jitter/seed-0-*/artefacts/level-*-note.txt",
    "cells/cohort/jitter/seed-0-*/artefacts/training.csv",
    "cells/cohort/chosen/seed-1-*/cell.json",
    "cells/cohort/chosen/seed-1-*/synthetic.npz",
    "cells/cohort/chosen/seed-1-*/scores/level-*.json",
    "cells/cohort/chosen/seed-1-*/artefacts/level-*-note.txt",
)
PLAN = "plans/*/*.json"
SHARED = "shared/cohort/seed-0/mean-window-*.npz"


@pytest.fixture
def store(rehearse: Rehearsals, undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """A finished store of one's own."""
    assert undisturbed.state
    shutil.copytree(rehearse.folder / "undisturbed", tmp_path / "store")
    return tmp_path / "store"


def only(store: Path, pattern: str) -> Path:
    (file,) = store.glob(pattern)
    return file


def flip(file: Path, place: int, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << bit
    file.write_bytes(content)


def flips(file: Path) -> Iterator[tuple[int, int]]:
    """Flip each bit of a sample of bytes, one at a time; yield its number."""
    content = file.read_bytes()
    places = random.Random(file.name).sample(range(len(content)), min(BYTES, len(content)))
    for place in places:
        for bit in range(8):
            flip(file, place, bit)
            yield place, bit
            file.write_bytes(content)


# --- noticed ---------------------------------------------------------------------------------------


def test_every_file_of_a_finished_cell_is_looked_at(store: Path) -> None:
    for cell in ("cells/cohort/jitter/seed-0-*", "cells/cohort/chosen/seed-1-*"):
        there = {f for f in only(store, cell).rglob("*") if f.is_file() and f.name != "log.txt"}
        shared = only(store, f"{cell}/scores/shared-*.json")
        spread = only(store, f"{cell}/scores/spread-*.json")
        tried = {only(store, part) for part in PARTS if part.startswith(cell)}
        pictures = {file for file in there if file.suffix == ".png"}
        assert there == tried | pictures | {shared, spread}


@pytest.mark.parametrize("part", PARTS)
def test_a_bit_that_flips_in_a_file_of_a_cell_is_damage_of_that_file(
    store: Path, part: str
) -> None:
    file, reader = only(store, part), Store(store)
    cell = "/".join(file.relative_to(reader.path / "cells").parts[:3])
    for place, bit in flips(file):
        assert reader.damage(cell) == file, (place, bit)
    assert reader.damage(cell) is None


@pytest.mark.parametrize("part", [p for p in PARTS if p.endswith(".json")])
def test_no_reader_takes_a_record_with_a_flipped_bit(store: Path, part: str) -> None:
    file, reader = only(store, part), Store(store)
    cell = "/".join(file.relative_to(reader.path / "cells").parts[:3])
    for place, bit in flips(file):
        with pytest.raises(DamagedError) as error:
            reader.cell(cell) if file.name == "cell.json" else reader.scores(cell)
        assert error.value.file == file, (place, bit)


def test_a_bit_that_flips_in_a_plan_is_damage_of_that_plan(store: Path) -> None:
    file = only(store, PLAN)
    for place, bit in flips(file):
        with pytest.raises(DamagedError) as error:
            Store(store).plans()
        assert error.value.file == file, (place, bit)


def test_a_bit_that_flips_in_a_shared_result_is_damage_or_changes_no_number(store: Path) -> None:
    file = only(store, SHARED)
    sound, noticed = read_npz(file), 0
    for place, bit in flips(file):
        try:
            found = read_npz(file)
        except DamagedError:
            noticed += 1
            continue
        assert found.keys() == sound.keys(), (place, bit)
        for name, array in sound.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{place}, {bit}")
    assert noticed


# --- made again ------------------------------------------------------------------------------------

COST = {
    "cell.json": 3,
    "synthetic.npz": 3,
    "training.csv": 3,
    "level": 1,
    "spread": 1,
    "shared": 1,
}
"""Scores to compute again for want of a file; a cell without all three is fitted again."""


@pytest.mark.parametrize("part", PARTS)
def test_what_is_damaged_is_set_aside_and_made_again_and_nothing_else_is(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path, part: str
) -> None:
    file = only(store, part)
    others = {f: f.stat().st_mtime_ns for f in (store / "cells").rglob("cell.json")}
    flip(file, random.Random(part).randrange(file.stat().st_size), 3)
    damaged = file.read_bytes()
    said: list[Message] = []
    set_aside_damaged(Store(store), said.append)
    assert file.name in str(said[0])
    again = rehearse(store)
    assert again.error is None
    cost = COST.get(file.name) or COST[file.name.split("-")[0]]
    assert Counter(message["type"] for message in again.sent)["ScoreEnded"] == cost
    assert again.fits == (cost == 3 and "jitter" in part)
    _is_as_undisturbed(store, undisturbed)
    aside = [f for f in (store / "damaged").rglob("*") if f.is_file()]
    if file.suffix == ".txt":
        # it is written over; its record is set aside
        assert [f.name.split("-")[0] for f in aside] == ["level"]
    else:
        assert damaged in [f.read_bytes() for f in aside]
    record = next(f for f in file.parents if f.name.startswith("seed-")) / "cell.json"
    made_again = [f for f in others if f.stat().st_mtime_ns != others[f]]
    assert made_again == ([record] if cost == 3 else [])


@pytest.mark.parametrize("part", [p for p in PARTS if p.endswith(".json")])
def test_a_run_notices_damaged_records_of_its_own_plan_without_being_asked_to(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path, part: str
) -> None:
    file = only(store, part)
    flip(file, random.Random(part).randrange(file.stat().st_size), 5)
    damaged = file.read_bytes()
    again = rehearse(store)
    assert again.error is None
    assert len(again.asides) == 1
    assert f"{file} is damaged" in again.asides[0]
    cost = COST.get(file.name) or COST[file.name.split("-")[0]]
    assert Counter(message["type"] for message in again.sent)["ScoreEnded"] == cost
    assert again.fits == (cost == 3 and "jitter" in part)
    _is_as_undisturbed(store, undisturbed)
    assert damaged in [f.read_bytes() for f in (store / "damaged").rglob("*.json")]


def test_a_score_that_is_missing_on_damaged_windows_makes_the_cell_again(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path
) -> None:
    file = only(store, PARTS[1])
    flip(file, file.stat().st_size // 2, 0)
    only(store, PARTS[3]).unlink()
    again = rehearse(store)
    assert (again.error, again.fits, len(again.asides)) == (None, 1, 1)
    _is_as_undisturbed(store, undisturbed)


def test_a_damaged_plan_is_set_aside_and_written_again_and_no_cell_is_touched(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path
) -> None:
    file = only(store, PLAN)
    flip(file, 100, 2)
    damaged = file.read_bytes()
    again = rehearse(store)
    assert (again.error, again.sent, again.trace) == (None, [], [])
    assert (store / "damaged" / "plans" / file.name).read_bytes() == damaged
    _is_as_undisturbed(store, undisturbed)


@pytest.mark.parametrize("at", [0.0, 0.2, 0.4, 0.5, 0.6, 0.99])
def test_scores_that_rest_on_a_damaged_shared_result_are_right(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path, at: float
) -> None:
    file = only(store, SHARED)
    sound = read_npz(file)
    flip(file, int(at * file.stat().st_size), 6)
    for score in store.glob("cells/cohort/*/seed-0-*/scores/shared-*.json"):
        score.unlink()
    again = rehearse(store)
    assert (again.error, again.fits) == (None, 0)
    assert Counter(message["type"] for message in again.sent)["ScoreEnded"] == 2
    np.testing.assert_array_equal(read_npz(file)["mean"], sound["mean"])
    _is_as_undisturbed(store, undisturbed, but="shared/")


def _is_as_undisturbed(store: Path, undisturbed: Undisturbed, but: str = "-") -> None:
    after = state(store)
    assert after.keys() == undisturbed.state.keys()
    for name, content in undisturbed.state.items():
        if not name.startswith(but):
            assert after[name] == content, f"{name} is unlike the file of an undisturbed run"
