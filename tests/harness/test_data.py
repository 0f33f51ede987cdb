from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench import DatasetSpec, PhysioNet
from ecgbench.harness import data, process, run
from ecgbench.harness.catalog import Entry, Origin
from ecgbench.harness.config import build
from ecgbench.harness.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows
    from tests.harness.conftest import Bench


def source(bench: Bench, name: str = "cohort", **settings: Any) -> data.Source:
    entry = bench.catalog.entry("dataset", name)
    return data.Source(entry, build(entry.spec.config, settings, where=name), None)


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
    assert data.is_prepared(from_files)
    with (files / name).open("a") as file:
        file.write(" ")
    assert not data.is_prepared(from_files)


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
    assert cached(bench) == []


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


def test_a_cache_that_has_lost_a_file_is_made_again(bench: Bench) -> None:
    data.prepare(source(bench))
    (meta,) = (bench.folder / "cache").rglob("meta.json")
    meta.unlink()
    assert not data.is_prepared(source(bench))
    assert len(data.windows(source(bench))) == 240


@pytest.mark.parametrize(
    "changes",
    [
        {"signals": np.ones((3, 1, 4), np.float32)},
        {"labels": np.array([0, 0, 2])},
        {"patients": np.array([1, 2, 4])},
        {"sampling_rate": 8.0},
        {"leads": ("V1",)},
        {"classes": ("N", "S", "F")},
        {"records": np.array(["1", "2", "3"])},
        {"positions": np.array([0.0, 1.0, 2.0])},
        {"attributes": {1: {"sex": "F"}}},
    ],
)
def test_the_digest_changes_with_everything_that_a_plugin_can_see(
    make_windows: Any, changes: dict[str, Any]
) -> None:
    windows = make_windows([1, 2, 3])
    changed = dataclasses.replace(windows, **changes)
    assert len(data.digest(windows, "")) == 64
    assert data.digest(changed, "") != data.digest(windows, "")
    assert data.digest(dataclasses.replace(changed), "") == data.digest(changed, "")


def test_the_digest_does_not_depend_on_how_arrays_lie_in_memory(make_windows: Any) -> None:
    windows = make_windows([1, 2, 3])
    turned = dataclasses.replace(windows, signals=np.asfortranarray(windows.signals))
    assert data.digest(turned, "") == data.digest(windows, "")


def test_a_record_tells_what_identifies_the_dataset(bench: Bench) -> None:
    record = data.record(source(bench, gain=2), 100)
    assert (record.name, record.version, record.windows) == ("cohort", 1, 100)
    assert record.settings == {"patients": 6, "windows": 240, "classes": 2, "gain": 2.0}
    assert record.digest == data.digest(data.windows(source(bench, gain=2)), "")
    assert record.origin.startswith("good.py ")


# --- in a process of its own -----------------------------------------------------------------------


def test_preparing_reads_in_another_process_what_the_cache_lacks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tuple(str(file) for file in bench.files)
    (record,) = run.prepare([source(bench)], 100, files)
    assert bench.trace == ["load"]
    assert record.windows == 100
    monkeypatch.setattr(process, "call", None)
    assert run.prepare([source(bench)], 100, files) == [record]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "^dataset bad-dataset cannot be read: KeyError: 'record 101'$"),
        ("sys.exit()", "^dataset bad-dataset: its process ended before its work did"),
        ("segfault", "^dataset bad-dataset: its process was ended by SIGSEGV$"),
        ("os._exit(0)", "^dataset bad-dataset: its process ended before its work did"),
    ],
)
def test_a_dataset_plugin_that_crashes_is_told_as_a_data_error(
    bench: Bench, how: str, said: str
) -> None:
    files = tuple(str(file) for file in bench.files)
    with pytest.raises(DataError, match=said):
        run.prepare([source(bench, "bad-dataset", how=how)], None, files)


def test_planning_cached_datasets_needs_no_numpy(bench: Bench) -> None:
    import subprocess
    import sys

    data.prepare(source(bench))
    code = f"""
import sys
from ecgbench.harness import data
from ecgbench.harness.catalog import discover
from ecgbench.harness.config import build
entry = discover([{str(bench.files[0])!r}]).entry("dataset", "cohort")
data.record(data.Source(entry, build(entry.spec.config, {{}}, where="cohort"), None), None)
print(*{{"numpy", "torch"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
