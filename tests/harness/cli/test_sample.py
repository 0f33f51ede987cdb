from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import wfdb

from ecgbench.harness.formats.table import read_windows
from ecgbench.results.store.store import Store
from tests.harness.formats.conftest import NAMES

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def stored(store: str, generator: str = "jitter") -> tuple[str, np.ndarray, np.ndarray]:
    """Return the name, the signals and the labels of a cell."""
    name = next(n for n in Store(Path(store)).cell_names() if f"/{generator}/" in n)
    with np.load(Store(Path(store)).folder(name) / "synthetic.npz") as kept:
        signals = kept["signals"] if "signals" in kept else np.empty(0)
        return name, signals, kept["labels"]


def sample(ecgbench: Command, store: str, *flags: object, generator: str = "jitter") -> int:
    plugin = "free.py" if store == "free" else "good.py"
    cell = stored(store, generator)[0]
    return ecgbench("sample", cell, "--store", store, "--plugin", plugin, *flags)


@pytest.mark.parametrize("form", NAMES)
def test_each_format_holds_the_windows_of_the_cell_in_their_order(
    there: Command, form: str
) -> None:
    _, signals, labels = stored("good")
    assert sample(there, "good", "--format", form, "--out", "out") == 0
    suffix = "" if form == "wfdb" else f".{form}"
    found = read_windows(Path("out") / f"synthetic{suffix}").arrays
    assert np.abs(found["signals"].astype(np.float32) - signals).max() <= (
        1e-3 if form == "wfdb" else 0
    )
    assert len(found["labels"]) == len(labels)
    assert f"{len(labels)} windows of" in there.out


def test_wfdb_reads_them_within_half_the_step_of_the_note(there: Command) -> None:
    _, signals, _ = stored("good")
    assert sample(there, "good", "--format", "wfdb", "--out", "out") == 0
    note = Path("out/PROVENANCE.txt").read_text("utf-8")
    step = float(note.split("16-bit whole numbers of ")[1].split()[0])
    for row, name in enumerate(Path("out/synthetic/RECORDS").read_text().split()):
        record = wfdb.rdrecord(str(Path("out/synthetic") / name))
        assert np.abs(record.p_signal.T - signals[row]).max() <= step / 2 * (1 + 1e-6)


def test_fewer_windows_keep_the_classes_in_proportion_and_the_order(there: Command) -> None:
    _, signals, labels = stored("good")
    count = len(labels) // 2
    assert sample(there, "good", "--n", count, "--out", "out") == 0
    with np.load("out/synthetic.npz") as found:
        for label in np.unique(labels):
            share = (labels == label).mean() * count
            assert abs((found["labels"] == label).sum() - share) <= 1
        rows = [int((signals == window).all(axis=(1, 2)).argmax()) for window in found["signals"]]
        assert rows == sorted(set(rows))
        assert np.array_equal(signals[rows], found["signals"])


def test_the_same_cell_gives_the_same_bytes(there: Command) -> None:
    for folder in ("a", "b"):
        assert sample(there, "good", "--n", 5, "--format", "csv", "--out", folder) == 0
    a, b = ({f.name: f.read_bytes() for f in Path(folder).iterdir()} for folder in ("a", "b"))
    assert a == b
    with Path("a/synthetic.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 5


def test_a_note_tells_where_the_windows_come_from_and_the_licence(there: Command) -> None:
    name, _, labels = stored("good")
    assert sample(there, "good", "--out", "out") == 0
    note = Path("out/PROVENANCE.txt").read_text("utf-8")
    record = Store(Path("good")).cell(name)
    assert record is not None
    for told in (
        f"{len(labels)} synthetic windows",
        f"cell: {name}",
        record.synthetic,
        record.cell.dataset.digest,
        "licence of the data: MIT",
        "generator: jitter version",
        '"sigma"',
        f"seed: {record.cell.seed}",
        "give its training patients away",
    ):
        assert told in note
    assert record.finished not in note


def test_more_windows_than_stored_are_refused_with_the_way_to_more(there: Command) -> None:
    _, _, labels = stored("good")
    assert sample(there, "good", "--n", len(labels) + 1, "--out", "out") == 2
    assert f"holds {len(labels)} windows, and {len(labels) + 1} are asked for" in there.err
    assert "--keep-models" in there.err
    assert not Path("out").exists()


def test_real_windows_of_a_reference_row_leave_only_if_the_dataset_may(there: Command) -> None:
    for store in ("good", "free"):
        run = ("--plugin", f"{store}.py", "--datasets", "cohort", "--seeds", "0", "--store", store)
        assert there("run", *run, "--generators", "jitter", "--metrics", "level") == 0
    assert sample(there, "good", "--out", "out", generator="real") == 2
    assert "is a reference row of" in there.err
    assert "may not be redistributed" in there.err
    assert sample(there, "free", "--out", "out", generator="real") == 0
    assert "windows of a reference row" in Path("out/PROVENANCE.txt").read_text("utf-8")
    assert sample(there, "free", "--out", "noisy", generator="noisy-copy") == 2
    assert "the store does not keep its windows" in there.err


def test_copies_of_real_windows_stay_here(there: Command) -> None:
    assert sample(there, "copies", "--out", "out") == 2
    assert "are real windows of" in there.err
    assert not Path("out").exists()


def test_a_folder_with_something_in_it_and_a_wrong_cell_are_refused(there: Command) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").touch()
    assert sample(there, "good", "--out", "out") == 2
    assert "name a new folder" in there.err
    assert there("sample", "tiny/absent/seed-0", "--store", "good", "--out", "new") == 2
    assert "has no cell 'tiny/absent/seed-0'" in there.err


def test_windows_of_another_run_than_the_record_are_refused(there: Command) -> None:
    name, signals, labels = stored("good")
    np.savez(Store(Path("good")).folder(name) / "synthetic.npz", signals=signals + 1, labels=labels)
    assert sample(there, "good", "--out", "out") == 2
    assert "does not hold the windows of the cell's record" in there.err
