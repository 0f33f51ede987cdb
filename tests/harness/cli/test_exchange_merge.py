from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ecgbench.harness import verify
from ecgbench.results.store.records import CellRecord, encode
from ecgbench.results.store.store import Store, sha256
from tests.harness.cli.exchanges import export, forge, merged, named, planned, rows

if TYPE_CHECKING:
    import pytest

    from ecgbench.harness.isolation.process import Limits
    from tests.harness.cli.conftest import Command


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


def test_a_plan_counts_its_cells_from_archives_until_they_are_verified_or_gone(
    there: Command,
) -> None:
    export(there, "free")
    assert merged(there) == 0
    (archive,) = Path("ours/provenance").iterdir()
    told = f"2 of these cells came from the archive {archive.name}…, not verified"
    assert planned(there, "ours") == "2 done"
    assert told in there.out
    assert f"ecgbench merge {archive.name} --undo" in there.out
    assert planned(there, "free") == "2 done"
    assert "came from the archive" not in there.out
    assert merged(there, "--trust") == 0
    assert planned(there, "ours") == "2 done"
    assert "came from the archive" not in there.out
    assert merged(there, "--undo") == 0
    assert planned(there, "ours") == "2 todo"
    assert "came from the archive" not in there.out


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


def test_a_sample_of_cells_is_verified_and_the_others_go_in_unverified(there: Command) -> None:
    export(there, "free")
    verify = ("--verify", "--plugin", "free.py", "--sample", "1", "--seed", "3")
    assert merged(there, *verify) == 0, there.out
    assert "verified: 1 cells" in there.out
    assert rows(there.out)["cells"] == "2 – – –"
    assert there("leaderboard", "--store", "ours", "--format", "csv") == 0
    assert "merged, not verified" in there.out or "verified: 1 of 2 cells" in there.out
    forge("free", 7.0)
    export(there, "free")
    # one of the two cells is forged; seeds 0 and 3 draw another one each
    ends = [there("merge", "a.zip", "--store", f"s{n}", *verify[:-1], str(n)) for n in (0, 3)]
    assert sorted(ends) == [0, 1]
    assert merged(there, "--sample", "1") == 2
    assert "add --verify" in there.err
    assert merged(there, "--verify", "--seed", "1") == 2
    assert "add --sample N" in there.err


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
