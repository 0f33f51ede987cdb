from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ecgbench.contracts.windows import EcgWindows
from ecgbench.results.exchange.provenance import origins, provenance
from ecgbench.results.pictures import PICTURES
from ecgbench.results.store.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store.records import CellRecord
from ecgbench.results.store.store import Store, sha256
from tests.harness.cli.exchanges import export, merged, named

if TYPE_CHECKING:
    from tests.harness.cli.conftest import Command


def test_a_store_that_is_exported_and_merged_elsewhere_gives_the_same_board(there: Command) -> None:
    export(there, "free", "--by", "us")
    assert there("leaderboard", "--store", "free", "--plugin", "free.py", "--format", "json") == 0
    board = there.out
    assert merged(there, "--trust") == 0
    assert there("leaderboard", "--store", "ours", "--plugin", "free.py", "--format", "json") == 0
    mark = '"merged": "merged, trusted"'
    assert mark in there.out
    assert there.out.replace(mark, '"merged": ""') == board
    name = named("free")
    theirs, ours = Store(Path("free")), Store(Path("ours"))
    assert ours.cell(name) == theirs.cell(name)
    assert ours.scores(name) == theirs.scores(name)
    assert ours.damage(name) is None
    (came,) = provenance(ours, name)
    assert came.who == "us"


def test_records_alone_make_the_same_board_and_hold_no_windows_and_pictures(
    there: Command,
) -> None:
    found = export(there, "free", "--records")
    names = {name.rpartition("/")[2] for name in found}
    assert not [name for name in names if name.endswith((".npz", ".csv", ".txt", ".png"))]
    assert "cell.json" in names
    published = Path("published")
    with zipfile.ZipFile("a.zip") as archive:
        archive.extractall(published)
    boards = []
    for store in ("free", str(published)):
        code = there("leaderboard", "--store", store, "--plugin", "free.py", "--format", "json")
        assert code == 0
        boards.append(there.out)
    assert boards[0] == boards[1]


def test_logs_checkpoints_and_what_is_shared_stay_here(there: Command) -> None:
    folder = Store(Path("free")).folder(named("free"))
    assert (folder / "log.txt").exists()
    for name in ("checkpoint/all/step", "progress.json", "training.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    found = export(there, "free", "cohort/jitter/seed-0")
    inside = {name.partition(f"{named('free')}/")[2] for name in found}
    scores = {name for name in inside if name.startswith("scores/")}
    assert len(scores) == 3
    (score,) = (name for name in scores if "level-" in name)
    note = score.replace("scores/", "artefacts/").replace(".json", "-note.txt")
    assert inside - scores - {""} == {
        note,
        "artefacts/training.csv",
        *(f"artefacts/{picture}" for picture in PICTURES),
        "cell.json",
        "synthetic.npz",
    }
    assert len([name for name in found if not name.startswith("cells/")]) == 2  # manifest and plan


def test_the_same_store_gives_the_same_bytes_but_for_the_time(there: Command) -> None:
    archives = []
    for _ in range(2):
        export(there, "free")
        with zipfile.ZipFile("a.zip") as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        archives.append(
            files | {"manifest.json": json.loads(files["manifest.json"]) | {"when": ""}}
        )
    assert archives[0] == archives[1]


def test_pictures_of_data_that_may_not_be_redistributed_stay_here(there: Command) -> None:
    found = export(there, "good")
    assert not [name for name in found if "note.txt" in name or name.endswith(".png")]
    assert "pictures" in there.out
    assert [name for name in found if "training.csv" in name]
    assert [name for name in found if "synthetic.npz" in name]
    assert "note.txt" in there.out
    assert "cohort may not be redistributed" in there.out
    assert merged(there) == 0
    (score,) = (s for s in Store(Path("ours")).scores(named("ours")) if s.metric.name == "level")
    assert score.artefacts == {}
    assert Store(Path("good")).damage(named("good")) is None


def test_windows_that_are_real_ones_stay_here_and_the_scores_leave(there: Command) -> None:
    found = export(there, "copies", plugins="good")
    assert not [name for name in found if "synthetic.npz" in name]
    assert "of them are real windows" in there.out
    assert merged(there) == 0
    record = Store(Path("ours")).cell(named("ours"))
    assert record is not None
    assert (record.stored, record.synthetic_file) == (False, "")
    assert Store(Path("ours")).scores(record.cell.name)


def test_windows_that_are_real_ones_but_for_rounding_stay_here_too(there: Command) -> None:
    store, name = Store(Path("copies")), named("copies")
    arrays = read_npz(store.folder(name) / "synthetic.npz", "signals", "labels")
    signals = arrays["signals"] + np.float32(1e-6)
    content = npz({"signals": signals, "labels": arrays["labels"]})
    (store.folder(name) / "synthetic.npz").write_bytes(content)
    record = store.cell(name)
    assert record is not None
    windows = EcgWindows(
        signals=signals,
        labels=arrays["labels"],
        patients=np.full(len(signals), -1),
        sampling_rate=16.0,
        leads=("II",),
        classes=("N", "S"),
    )
    digest = synthetic_digest(windows)
    store.write_cell(
        msgspec.structs.replace(record, synthetic=digest, synthetic_file=sha256(content))
    )
    for score in store.scores(name):
        store.write_score(msgspec.structs.replace(score, synthetic=digest))
    found = export(there, "copies", plugins="good")
    assert not [name for name in found if "synthetic.npz" in name]
    assert f"{len(signals)} of them are real windows" in " ".join(there.out.split())


def test_windows_stay_here_where_the_real_ones_are_not_known(there: Command) -> None:
    assert there("export", "--store", "good", "--out", "a.zip") == 0
    assert "cannot be compared with the real ones" in there.out
    assert merged(there) == 0
    assert not list(Path("ours").rglob("*/jitter/*/synthetic.npz"))
    assert list(Path("ours").rglob("*/chosen/*/synthetic.npz"))  # window indices


def test_windows_of_other_data_than_is_here_stay_here(there: Command) -> None:
    other = Path("good.py").read_text("utf-8").replace("default_rng(5)", "default_rng(6)")
    Path("other.py").write_text(other, "utf-8")
    found = export(there, "good", plugins="other")
    assert not [name for name in found if "jitter" in name and "synthetic.npz" in name]
    assert "is another here than it was for the cell" in there.out


def test_cells_are_chosen_by_name_or_dataset_and_the_plans_cut_to_them(there: Command) -> None:
    export(there, "free", "cohort/jitter/seed-0")
    assert merged(there) == 0
    assert list(Store(Path("ours")).cell_names()) == [named("free")]
    (plan,) = origins(Store(Path("ours"))).plans
    assert [generator.name for generator in plan.generators] == ["jitter"]
    assert there("export", "--store", "free", "--out", "a.zip", "--dataset", "cohort") == 0
    assert there("export", "--store", "free", "--out", "a.zip", "--dataset", "cohrt") == 2
    assert "did you mean 'cohort'?" in there.err
    assert there("export", "--store", "free", "--out", "a.zip", "nobody") == 2
    assert "has no cell 'nobody'" in there.err
    assert there("export", "--store", "none", "--out", "a.zip") == 2
    assert "holds no results" in there.err


def test_what_is_damaged_is_left_out_and_told(there: Command) -> None:
    store = Store(Path("free"))
    (score,) = (s for s in store.scores(named("free")) if s.metric.name == "spread")
    store.score_file(named("free"), score.metric).write_bytes(b"{}")
    (store.folder(named("free", "chosen")) / "synthetic.npz").write_bytes(b"PK")
    assert there("export", "--store", "free", "--out", "a.zip", "--plugin", "free.py") == 1
    assert "its bytes do not have the SHA-256" in there.out
    assert "does not have the SHA-256 that cell.json tells" in there.out
    assert merged(there) == 0
    ours = Store(Path("ours"))
    assert {s.metric.name for s in ours.scores(named("ours"))} == {"level", "never"}


def test_an_archive_that_cannot_be_written_is_told(there: Command) -> None:
    assert there("export", "--store", "free", "--out", "none/a.zip") == 2
    assert "cannot write" in there.err
    assert "Traceback" not in there.err


def test_who_may_not_be_a_novel(there: Command) -> None:
    assert there("export", "--store", "free", "--out", "a.zip", "--by", "x" * 501) == 2
    assert "at most 500" in there.err


def test_a_failure_leaves_without_folders(there: Command) -> None:
    store = Store(Path("free"))
    record = store.cell(named("free"))
    assert record is not None
    cell = msgspec.structs.replace(record.cell, seed=7)
    store.write_cell(CellRecord(cell=cell, status="failed", reason="cannot open /home/alice/x"))
    export(there, "free")
    assert merged(there) == 0
    ours = Store(Path("ours")).cell(cell.name)
    assert ours is not None
    assert ours.reason == "cannot open …/x"
