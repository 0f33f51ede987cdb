from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DatasetSpec, PhysioNet
from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, StoreError
from ecgbench.harness.data import cache as data
from ecgbench.harness.data.digest import digest
from ecgbench.harness.planning.catalog import Entry, Origin
from tests.harness.data.conftest import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench import EcgWindows
    from tests.harness.conftest import Bench


def cached(bench: Bench) -> list[str]:
    """Everything in the cache, hidden folders too."""
    folder = bench.folder / "cache"
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*")) if folder.exists() else []


def same(one: EcgWindows, other: EcgWindows) -> bool:
    arrays = ("signals", "labels", "patients", "records", "positions", "indices")
    plain = ("sampling_rate", "leads", "classes", "attributes")
    return all(
        np.array_equal(getattr(one, a), getattr(other, a))
        if getattr(one, a) is not None
        else getattr(other, a) is None
        for a in arrays
    ) and all(getattr(one, p) == getattr(other, p) for p in plain)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A PhysioNet database of two files, with their published hashes."""
    folder = tmp_path / "tinydb"
    folder.mkdir()
    (folder / "100.txt").write_text("1 2 3 4")
    (folder / "notes.txt").write_text("")
    sums = f"{hashlib.sha256(b'1 2 3 4').hexdigest()} 100.txt\n"
    (folder / "SHA256SUMS.txt").write_text(sums)
    return folder


@pytest.fixture
def from_files(bench: Bench, files: Path) -> data.Source:
    """A dataset that reads its windows from these files."""

    def load(config: Any, folder: Path) -> EcgWindows:
        base = bench.catalog.dataset("cohort").load()(build_cohort(), None)
        level = np.float32((folder / "100.txt").read_text().split()[0])
        windows: EcgWindows = dataclasses.replace(base, signals=base.signals * level)
        return windows

    def build_cohort() -> Any:
        return bench.catalog.dataset("cohort").config()

    spec = DatasetSpec(
        name="from-files",
        target=load,
        summary="",
        leads=("II",),
        sampling_rate=16.0,
        classes=("N", "S"),
        licence="MIT",
        source=PhysioNet(
            slug="tinydb",
            version="1.0.0",
            sums_sha256=hashlib.sha256((files / "SHA256SUMS.txt").read_bytes()).hexdigest(),
            files=r"\d+\.txt",
        ),
    )
    entry = Entry(spec, Origin("test:it", "test", "1"))
    return data.Source(entry, build(spec.config, {}, where="from-files"), files)


def test_windows_come_out_of_the_cache_as_the_plugin_gave_them(bench: Bench) -> None:
    tiny = source(bench)
    given = tiny.spec.load()(tiny.config, None)
    found = data.windows(tiny)
    numbered = dataclasses.replace(given, indices=np.arange(len(given)))
    assert same(found, numbered)
    assert found.signals.dtype == np.float32
    assert found.problem() is None


def test_records_positions_and_attributes_survive_the_cache(
    bench: Bench, make_windows: Any
) -> None:
    given = dataclasses.replace(
        make_windows([100, 100, 231]),
        records=np.array(["100a", "100b", "231é"]),
        positions=np.array([0.5, 1.25, 3.0]),
        attributes={100: {"sex": "F", "age": 62.5}, 231: {}},
    )
    spec = dataclasses.replace(bench.catalog.dataset("cohort"), target=lambda *_: given)
    entry = dataclasses.replace(bench.catalog.entry("dataset", "cohort"), spec=spec)
    found = data.windows(data.Source(entry, spec.config(), None))
    assert same(found, dataclasses.replace(given, indices=np.arange(3)))


def test_a_dataset_is_read_once(bench: Bench) -> None:
    assert not data.is_prepared(source(bench))
    first = data.prepare(source(bench))
    assert data.is_prepared(source(bench))
    data.windows(source(bench))
    assert data.prepare(source(bench)) == first
    assert bench.trace == ["load"]


def test_the_signals_in_the_cache_cannot_be_written_to(bench: Bench) -> None:
    with pytest.raises(ValueError, match="read-only"):
        data.windows(source(bench)).signals[:] = 0


def test_a_changed_setting_invalidates_the_cache(bench: Bench) -> None:
    data.prepare(source(bench))
    assert not data.is_prepared(source(bench, gain=2.0))
    data.prepare(source(bench, gain=2.0))
    assert bench.trace == ["load", "load"]
    assert data.is_prepared(source(bench))


def test_a_changed_version_or_plugin_invalidates_the_cache(bench: Bench) -> None:
    tiny = source(bench)
    data.prepare(tiny)
    spec = dataclasses.replace(tiny.spec, version=2)
    origin = dataclasses.replace(tiny.entry.origin, version="changed")
    for entry in (Entry(spec, tiny.entry.origin), Entry(tiny.spec, origin)):
        assert not data.is_prepared(dataclasses.replace(tiny, entry=entry))


@pytest.mark.parametrize("name", ["100.txt", "SHA256SUMS.txt", "new.txt"])
def test_a_changed_file_invalidates_the_cache(
    from_files: data.Source, files: Path, name: str
) -> None:
    data.prepare(from_files)
    assert data.is_prepared(dataclasses.replace(from_files))
    with (files / name).open("a") as file:
        file.write(" ")
    assert not data.is_prepared(dataclasses.replace(from_files))
    assert data.is_prepared(from_files)  # a run goes on with what it has begun with


def test_a_file_that_was_edited_in_place_is_noticed_whatever_its_time_says(
    from_files: data.Source, files: Path
) -> None:
    data.prepare(from_files)
    file = files / "100.txt"
    state = file.stat()
    file.write_text("9 2 3 4")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not data.is_prepared(dataclasses.replace(from_files))


def test_a_file_that_is_not_as_published_is_an_error_and_nothing_is_cached(
    bench: Bench, from_files: data.Source, files: Path
) -> None:
    (files / "100.txt").write_text("9 9 9 9")
    with pytest.raises(DataError, match=r"100\.txt does not have its published SHA-256"):
        data.prepare(from_files)
    assert cached(bench) == []


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "dataset bad-dataset cannot be read: KeyError: 'record 101'"),
        ("an array", "dataset bad-dataset returned ndarray; EcgWindows are wanted"),
        ("NaN", "dataset bad-dataset: 60 of 60 windows hold NaN or infinite samples"),
        ("short records", "dataset bad-dataset: records have shape"),
        ("objects", "dataset bad-dataset: records are object; str_ is wanted"),
    ],
)
def test_a_plugin_that_returns_no_proper_windows_is_told_and_nothing_is_cached(
    bench: Bench, how: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        data.prepare(source(bench, "bad-dataset", how=how))
    assert not [name for name in cached(bench) if name.endswith((".npy", ".json", ".tmp"))]


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError, match="No space left on device; ECGBENCH_CACHE_DIR names"):
        data.prepare(source(bench))
    assert cached(bench) == ["windows"]


def test_of_two_processes_that_read_a_dataset_at_once_the_first_wins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = source(bench)
    save = np.save

    def save_as_the_other_finishes(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(np, "save", save)
        data.prepare(tiny)
        save(*arguments, **options)

    monkeypatch.setattr(np, "save", save_as_the_other_finishes)
    data.prepare(tiny)
    assert len(data.windows(tiny)) == 240
    assert len([name for name in cached(bench) if "meta.json" in name]) == 1


FILES = ("meta.json", "signals.npy", "labels.npy", "patients.npy", "indices.npy")


def flip(file: Path) -> None:
    """Flip a bit in the middle of a file, and keep its size."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def lengthen(file: Path) -> None:
    """Put another array in an array's place, or more text behind a text."""
    if file.suffix == ".npy":
        np.save(file, np.concatenate([array := np.load(file), array[:1]]))
    else:
        file.write_bytes(file.read_bytes() + b" ")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip,
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "missing": Path.unlink,
    "longer": lengthen,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", DAMAGE)
def test_damage_in_the_cache_is_noticed_told_and_mended(
    bench: Bench, how: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = data.prepare(source(bench))
    given = data.windows(source(bench))
    given = dataclasses.replace(given, signals=given.signals.copy())  # no map of what is cut
    DAMAGE[how](data.folder(source(bench)) / name)
    assert not data.is_prepared(source(bench))
    assert data.prepare(source(bench)) == before
    assert same(data.windows(source(bench)), given)
    (told,) = caplog.messages
    assert told.startswith(f"the cache {data.folder(source(bench))} is damaged ({name}")
    assert told.endswith("; reading the dataset again")
    assert bench.trace == ["load", "load"]
    assert [f for f in cached(bench) if "tmp" in f] == []


def test_a_worker_that_finds_less_than_was_checked_says_so(bench: Bench) -> None:
    data.prepare(source(bench))
    folder = data.folder(source(bench))
    os.truncate(folder / "signals.npy", 2000)
    with pytest.raises(StoreError, match=r"signals\.npy: .*; the next run reads the dataset again"):
        data.read(folder)
    lengthen(folder / "labels.npy")
    (folder / "signals.npy").unlink()
    with pytest.raises(StoreError, match="is damaged"):
        data.read(folder)


def test_files_are_hashed_once_while_they_stay_as_they_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = source(bench)
    data.prepare(tiny)
    monkeypatch.setattr(data, "_sha256", None)
    assert data.prepare(tiny).digest
    assert data.is_prepared(tiny)


def test_a_record_tells_what_identifies_the_dataset(bench: Bench) -> None:
    record = data.record(source(bench, gain=2), 100)
    assert (record.name, record.version, record.windows) == ("cohort", 1, 100)
    assert record.settings == {"patients": 6, "windows": 240, "classes": 2, "gain": 2.0}
    assert record.digest == digest(data.windows(source(bench, gain=2)), "")
    assert record.origin.startswith("good.py ")


def test_planning_cached_datasets_needs_no_numpy(bench: Bench) -> None:
    data.prepare(source(bench))
    code = f"""
import sys
from ecgbench.harness.data import cache as data
from ecgbench.harness.planning.catalog import discover
from ecgbench.contracts.config import build
entry = discover([{str(bench.files[0])!r}]).entry("dataset", "cohort")
data.record(data.Source(entry, build(entry.spec.config, {{}}, where="cohort"), None), None)
print(*{{"numpy", "torch"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
