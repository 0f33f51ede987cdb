"""Datasets without a database: the files that they name, or do not."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import DataError, EcgbenchError
from ecgbench.harness.data import cache as data
from tests.harness.data.conftest import source

if TYPE_CHECKING:
    from ecgbench import EcgWindows
    from tests.harness.conftest import Bench


def declaring(bench: Bench, files: Any, text: Path) -> data.Source:
    """A dataset that reads its level from a file, and says so or not."""

    def load(config: Any, folder: Path | None) -> EcgWindows:
        base = bench.catalog.dataset("cohort").load()(config, folder)
        level = np.float32(text.read_text())
        windows: EcgWindows = dataclasses.replace(base, signals=base.signals * level)
        return windows

    spec = dataclasses.replace(bench.catalog.dataset("cohort"), target=load, files=files)
    entry = dataclasses.replace(bench.catalog.entry("dataset", "cohort"), spec=spec)
    return data.Source(entry, build(spec.config, {}, where="it"), None)


def test_what_says_nothing_of_files_is_read_in_every_run_and_once_in_each(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "level.txt"
    file.write_text("1")
    first = declaring(bench, None, file)
    before = data.record(first, None)
    file.write_text("3")
    assert data.record(first, None) == before  # one run is of one state
    again = data.record(declaring(bench, None, file), None)
    assert again.digest != before.digest
    assert bench.trace == ["load", "load"]


@pytest.mark.parametrize("as_function", [False, True])
def test_named_files_are_looked_at_in_every_run_and_read_when_they_have_changed(
    bench: Bench, tmp_path: Path, as_function: bool
) -> None:
    file = tmp_path / "level.txt"
    file.write_text("1")
    files = (lambda config: [file] * config.classes) if as_function else (file,)
    before = data.record(declaring(bench, files, file), None)
    assert data.record(declaring(bench, files, file), None) == before
    assert bench.trace == ["load"]
    state = file.stat()
    file.write_text("3")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))  # of equal size and time
    assert data.record(declaring(bench, files, file), None).digest != before.digest
    assert bench.trace == ["load", "load"]


def test_a_named_file_that_is_not_there_is_told(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(EcgbenchError, match=r"dataset cohort.*level\.txt"):
        data.prepare(declaring(bench, (tmp_path / "level.txt",), tmp_path / "level.txt"))


def test_a_file_that_changes_while_it_is_read_is_told_and_not_cached(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "level.txt"
    file.write_text("1")
    source = declaring(bench, (file,), file)
    data.folder(source)
    file.write_text("2")
    with pytest.raises(DataError, match="changed while it was read; start again"):
        data.prepare(source)
    assert not data.is_prepared(source)


def test_edited_code_of_equal_version_is_read_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "loader_of_tests.py"
    module.write_text("def load(config, folder): return 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = dataclasses.replace(bench.catalog.dataset("cohort"), target="loader_of_tests:load")
    entry = dataclasses.replace(bench.catalog.entry("dataset", "cohort"), spec=spec)
    source = data.Source(entry, spec.config(), None)
    before = data.folder(source)
    assert data.folder(dataclasses.replace(source)) == before
    module.write_text("def load(config, folder): return 2")
    assert data.folder(dataclasses.replace(source)) != before


def test_of_what_a_run_reads_for_itself_nothing_is_left_and_others_keep_theirs(
    bench: Bench,
) -> None:
    """Another process reads for itself while this one's, a day old, and a dead one's stand."""
    mine = source(bench, "bad-dataset", how="")
    data.prepare(mine)
    runs = bench.folder / "cache" / "runs"
    dead = runs / "dead"
    dead.mkdir()
    for folder in runs.iterdir():
        os.utime(folder, (1, 1))
    code = f"""
from ecgbench.harness.data import cache as data
from ecgbench.harness.planning.catalog import discover
entry = discover([{str(bench.files[2])!r}]).entry("dataset", "bad-dataset")
source = data.Source(entry, entry.spec.config(), None)
assert len(data.windows(source)) == 60
print(data.folder(source))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = Path(done.stdout.strip())
    assert theirs.is_relative_to(runs)
    assert not theirs.exists()
    assert not dead.exists()
    assert len(data.windows(mine)) == 60
    assert len([f for f in runs.iterdir() if f.is_dir()]) == 1
