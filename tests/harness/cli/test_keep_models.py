"""``ecgbench run --keep-models``, and what is drawn from a kept model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.results.store.store import Store

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command

pytestmark = pytest.mark.slow

ASKED = (
    *("run", "--datasets", "ecgsyn", "--study", "smoke", "--metrics", "mmd", "--seeds", "0"),
    *("--generators", "pca-gaussian,gmm", "--no-references"),
)
CELL = "ecgsyn/pca-gaussian/seed-0"


@pytest.fixture
def kept(ecgbench: Command) -> Command:
    assert ecgbench(*ASKED, "--keep-models") == 0
    return ecgbench


def store() -> Store:
    return Store(Path("ecgbench-results"))


def drawn(folder: str) -> np.ndarray:
    with np.load(Path(folder) / "synthetic.npz") as found:
        return np.array(found["signals"])


def test_more_windows_are_drawn_from_a_kept_model_and_a_seed_names_them(kept: Command) -> None:
    record = store().cell(store().find(CELL))
    assert record is not None
    assert set(record.model) == {"all/model.json", "all/model.safetensors"}
    for out, seed in (("one", 0), ("again", 0), ("other", 1)):
        assert kept("sample", CELL, "--n", "500", "--seed", seed, "--out", out) == 0
    assert drawn("one").shape == (500, 1, 200)
    assert drawn("one").tobytes() == drawn("again").tobytes()
    assert drawn("one").tobytes() != drawn("other").tobytes()
    assert len(np.unique(drawn("one"), axis=0)) == 500
    note = Path("one/PROVENANCE.txt").read_text("utf-8")
    assert "drawn: from the cell's fitted model, seed 0 of the drawing\n" in note
    with np.load(store().folder(record.cell.name) / "synthetic.npz") as cell:
        stored = cell["signals"]
    both = np.concatenate([stored, drawn("one")])
    assert len(np.unique(both, axis=0)) == len(both)


def test_show_names_a_kept_model_and_a_cell_without_one_says_the_way(ecgbench: Command) -> None:
    assert ecgbench(*ASKED) == 0
    assert ecgbench("sample", CELL, "--n", "500", "--out", "one") == 2
    assert "ecgbench run --keep-models keeps one" in ecgbench.err
    assert ecgbench(*ASKED, "--keep-models") == 0
    assert "2 finished cells have no model, first ecgsyn/pca-gaussian/seed-0-" in ecgbench.out
    assert ecgbench("forget", CELL, "--yes") == 0
    assert ecgbench(*ASKED, "--keep-models") == 0
    assert ecgbench("show", CELL) == 0
    assert "model" in ecgbench.out
    assert "MiB; ecgbench sample" in " ".join(ecgbench.out.split())


def test_a_damaged_model_is_noticed_and_no_archive_holds_one(kept: Command) -> None:
    folder = store().folder(store().find(CELL))
    assert kept("export", "--out", "mine.zip") == 0
    assert "archives hold no models" in " ".join(kept.out.split())
    assert kept("merge", "mine.zip", "--store", "theirs") == 0
    (there,) = (
        json.loads(file.read_bytes())
        for file in Path("theirs/cells/ecgsyn/pca-gaussian").glob("*/cell.json")
    )
    assert there["model"] == {}
    file = folder / "model" / "all" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    assert kept("sample", CELL, "--n", "500", "--out", "one") == 2
    assert "model.safetensors is damaged" in " ".join(kept.err.split())
    assert kept("run", *ASKED[1:], "--verify", "--keep-models") == 0
    assert kept("sample", CELL, "--n", "500", "--out", "one") == 0


def test_a_generator_without_save_and_load_costs_a_note(ecgbench: Command) -> None:
    assert ecgbench("run", *ecgbench.flags, "--metrics", "peak", "--keep-models") == 0
    assert "has no save and load, so no model is kept" in " ".join(ecgbench.out.split())
