from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from ecgbench.contracts.windows import EcgWindows
from ecgbench.harness import verify
from ecgbench.harness.cli import main
from ecgbench.harness.exchange import FOLDERS
from ecgbench.results.exchange.provenance import origins, provenance
from ecgbench.results.store.npz import npz, read_npz, synthetic_digest
from ecgbench.results.store.records import CellRecord, encode
from ecgbench.results.store.store import Store, sha256

if TYPE_CHECKING:
    from ecgbench.harness.isolation.process import Limits
    from tests.harness.cli.conftest import Command

GOOD = Path(__file__).parents[2] / "plugins" / "good.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of a run, and the plugins that it was of: the same, but redistributable."""
    folder = tmp_path_factory.mktemp("made")
    free = GOOD.read_text("utf-8").replace('licence="MIT"', 'licence="MIT", redistributable=True')
    (folder / "free.py").write_text(free, "utf-8")
    shutil.copy(GOOD, folder / "good.py")
    both = ("--generators", "jitter,chosen", "--metrics", "level,spread,never")
    copies = ("--generators", "jitter", "--metrics", "level", "--set", "generator.jitter.sigma=0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGBENCH_CACHE_DIR", str(folder / "cache"))
        patch.chdir(folder)
        run("--store", "free", "--plugin", "free.py", *both)
        run("--store", "good", "--plugin", "good.py", *both)
        run("--store", "copies", "--plugin", "good.py", *copies)
    return folder


def run(*flags: str) -> None:
    assert main(["run", "--datasets", "cohort", "--seeds", "0", "--no-references", *flags]) == 0


@pytest.fixture
def there(ecgbench: Command, made: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, where a copy of the run's stores stands."""
    for name in ("free", "good", "copies"):
        shutil.copytree(made / name, name)
        if name != "copies":
            shutil.copy(made / f"{name}.py", f"{name}.py")
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(made / "cache"))
    monkeypatch.setattr("os.fsync", lambda _: None)
    return ecgbench


def export(command: Command, store: str, *flags: str, plugins: str = "") -> list[str]:
    """Export, and return the names of what is in the archive."""
    plugin = ("--plugin", f"{plugins or store}.py")
    code = command("export", "--store", store, "--out", "a.zip", *plugin, *flags)
    assert code == 0, command.err
    with zipfile.ZipFile("a.zip") as archive:
        return archive.namelist()


def named(store: str, generator: str = "jitter") -> str:
    (name,) = (n for n in Store(Path(store)).cell_names() if f"/{generator}/" in n)
    return name


def merged(command: Command, *flags: str) -> int:
    return command("merge", "a.zip", "--store", "ours", *flags)


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
    assert not [name for name in found if "note.txt" in name]
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


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("No such file: '/home/alice/my data/x.csv'", "No such file: '…/my data/x.csv'"),
        ("cannot read /home/alice/x.csv (a.py:3)", "cannot read …/x.csv (a.py:3)"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("1/2 of them, and/or none", "1/2 of them, and/or none"),
    ],
)
def test_reasons_lose_the_folders_of_paths(reason: str, told: str) -> None:
    assert FOLDERS.sub("…/", reason) == told


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


def test_merge_counts_and_says_with_its_exit_code_how_it_went(there: Command) -> None:
    export(there, "free", "cohort/jitter/seed-0")
    assert merged(there) == 0
    assert rows(there.out) == {"cells": "1 – – –", "scores": "– – – –", "plans": "1 – – –"}
    assert merged(there) == 0
    assert rows(there.out) == {"cells": "– 1 – –", "scores": "– 3 – –", "plans": "– 1 – –"}
    store = Store(Path("ours"))
    record = store.cell(named("ours"))
    assert record is not None
    failed = CellRecord(cell=record.cell, status="failed", reason="[red]mine[/red] \x1b[31m")
    store.write_cell(failed)
    assert merged(there) == 1
    assert rows(there.out)["cells"] == "– – 1 –"
    assert "failed: [red]mine[/red] [31m" in there.out
    assert "to have theirs, remove" in there.out.replace("\n", " ")
    Path("b.zip").write_bytes(b"none")
    assert there("merge", "b.zip", "a.zip", "--store", "other") == 2
    assert "b.zip cannot be read" in there.err
    assert rows(there.out)["cells"] == "1 – – –"
    assert there("merge", "none.zip", "--store", "other") == 2
    assert "none.zip cannot be read" in there.err


def rows(out: str) -> dict[str, str]:
    found = (line.split(maxsplit=1) for line in out.splitlines())
    return {
        f[0]: " ".join(f[1].split()) for f in found if f and f[0] in ("cells", "scores", "plans")
    }


def test_a_dry_run_tells_what_would_come_and_undo_takes_it_out(there: Command) -> None:
    export(there, "free")
    assert merged(there, "--dry-run") == 0
    assert "nothing is changed, this would be" in there.out
    assert "added: cohort/jitter: 1 cells" in there.out
    assert rows(there.out)["cells"] == "2 – – –"
    assert not Path("ours").exists()
    assert merged(there) == 0
    assert there("leaderboard", "--store", "ours", "--format", "markdown") == 0
    assert "jitter (merged, not verified)" in there.out
    assert "--verify scores its windows again" in there.out
    assert merged(there, "--undo", "--dry-run") == 0
    assert list(Store(Path("ours")).cell_names())
    assert merged(there, "--undo") == 0
    assert rows(there.out)["cells"] == "– – – – 2"
    assert not list(Path("ours").rglob("*.json"))
    assert merged(there, "--undo") == 2
    assert "has nothing of an archive with the SHA-256" in there.err


def test_undo_takes_the_first_digits_of_an_archive_that_is_gone(there: Command) -> None:
    export(there, "free")
    assert merged(there) == 0
    (folder,) = Path("ours/provenance").iterdir()
    Path("a.zip").unlink()
    assert merged(there, "--undo") == 2
    assert "the first 12 digits of its SHA-256 do as well" in there.err
    assert there("merge", folder.name, "--store", "ours", "--undo") == 0
    assert not list(Path("ours").rglob("*.json"))


def test_what_goes_out_is_neither_verified_nor_trusted(there: Command) -> None:
    export(there, "free")
    assert merged(there, "--undo", "--verify") == 2
    assert "--undo takes results out" in there.err


def test_an_archive_above_the_size_that_is_allowed_is_refused(there: Command) -> None:
    export(there, "free")
    assert merged(there, "--max-size", "1K") == 2
    assert "at most 1024 (--max-size)" in there.err


def forge(store: str, value: float) -> None:
    """Give the score of the spread another value."""
    found = Store(Path(store))
    (score,) = (s for s in found.scores(named(store)) if s.metric.name == "spread")
    found.write_score(msgspec.structs.replace(score, value=value))


def test_verify_takes_in_what_comes_out_again_and_refuses_what_does_not(there: Command) -> None:
    export(there, "free", "cohort/jitter/seed-0")
    assert merged(there, "--verify", "--plugin", "free.py") == 0, there.out
    assert "verified: 1 cells" in there.out
    assert there("leaderboard", "--store", "ours", "--format", "csv") == 0
    assert "verified: 1 of 1 cells" in there.out
    forge("free", 7.0)
    export(there, "free", "cohort/jitter/seed-0")
    assert there("merge", "a.zip", "--store", "more", "--verify", "--plugin", "free.py") == 1
    assert "refused: cohort/jitter/seed-0" in there.out
    assert "spread is 7.0 in the archive" in there.out
    assert not list(Store(Path("more")).cell_names())


def test_verify_is_given_plugins_and_folder_of_data(
    there: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def differences(
        store: Store, cell: str, catalog: Any, data_dir: Path | None, limits: Limits
    ) -> list[str]:
        seen.append((cell, catalog.dataset("cohort").name, data_dir, limits.timeout, limits.memory))
        return ["it [red]differs[/red]"]

    monkeypatch.setattr(verify, "differences", differences)
    Path("data").mkdir()
    export(there, "free", "cohort/jitter/seed-0")
    limits = ("--timeout", "2m", "--memory", "1G")
    assert merged(there, "--verify", "--plugin", "free.py", "--data-dir", "data", *limits) == 1
    assert seen == [(named("free"), "cohort", Path("data"), 120.0, 2**30)]
    assert "it [red]differs[/red]" in there.out


def test_a_stranger_cannot_write_to_the_terminal(there: Command) -> None:
    export(there, "free", "cohort/jitter/seed-0")
    with zipfile.ZipFile("a.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (path,) = (name for name in files if name.endswith("cell.json"))
    record = msgspec.json.decode(files[path], type=CellRecord)
    files[path] = encode(msgspec.structs.replace(record, synthetic="\x1b[31m[red]"))
    manifest = json.loads(files["manifest.json"])
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry |= {"size": len(files[path]), "sha256": sha256(files[path])}
    files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile("a.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert merged(there) == 1
    assert "refused: cohort/jitter/seed-0" in there.out
    assert "\x1b" not in there.out
    assert "[red]" in there.out
