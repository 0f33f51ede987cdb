"""A full disk stops the run with one line, is nobody's failure, and costs no finished work.

Some calls for space are tried, spread evenly; with ``ECGBENCH_CRASH_POINTS=all`` every one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ecgbench.results.store.store import Store
from tests.store.conftest import ended, state, strays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.store.conftest import Command, Outcome, Rehearsals, Undisturbed

pytestmark = pytest.mark.slow

SOME = [4, pytest.param(16, marks=pytest.mark.long)]
"""Points to try for each way, unless all are tried."""

TAKE_SPACE = "owsrldt"
"""The calls that a full disk refuses, by the letters of `crash.c`."""


def points(kinds: str, some: int) -> list[int]:
    found = [n for n, kind in enumerate(kinds, 1) if kind in TAKE_SPACE]
    if os.environ.get("ECGBENCH_CRASH_POINTS") == "all":
        return found
    return found[:: max(1, len(found) // some)]


def failed(store: Path) -> list[str]:
    """Return the records of failures."""
    reader = Store(store)
    records: list[Any] = [reader.cell(name) for name in reader.cell_names()]
    records += [score for name in reader.cell_names() for score in reader.scores(name)]
    return [f"{record}" for record in records if record.status == "failed"]


@pytest.mark.parametrize("some", SOME)
@pytest.mark.parametrize("way", ["full", "once"])
def test_a_disk_that_is_full_at_any_call_stops_the_run_and_the_next_goes_on(
    rehearse: Rehearsals, undisturbed: Undisturbed, tmp_path: Path, way: str, some: int
) -> None:
    wrong = []
    for point in points(undisturbed.kinds, some):
        store = tmp_path / f"store-{point}"
        try:
            _fill_and_go_on(rehearse, undisturbed, store, way, point)
        except AssertionError as failure:
            wrong.append(f"{way} {point} ({undisturbed.kinds[point - 1]}): {failure}")
        shutil.rmtree(store, ignore_errors=True)
    assert not wrong, "\n".join(wrong)


def _fill_and_go_on(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path, way: str, point: int
) -> None:
    outcome = rehearse(store, way, point)
    _is_said(outcome, store, way)
    before = ended(store)
    assert failed(store) == [], "a full disk is recorded as a failure"
    again = rehearse(store)
    assert again.error is None
    assert again.asides == []
    for file, content in before.items():
        assert file.read_bytes() == content, f"{file} has changed"
    assert [stray for part in ("cells", "leases") for stray in strays(store, part)] == []
    after = state(store)
    assert after.keys() == undisturbed.state.keys()
    for name, content in undisturbed.state.items():
        assert after[name] == content, f"{name} is unlike the file of an undisturbed run"


def _is_said(outcome: Outcome, store: Path, way: str) -> None:
    if way == "once" and outcome.error is None:
        return  # the run did without this file
    assert outcome.error is not None
    kind, message = outcome.error
    assert kind == "StoreError", message
    assert str(store) in message
    assert "No space left on device" in message


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Called with a size, a file system of that size; called again, the same one, larger."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(size: str) -> Path:
        again = "remount," if place.is_mount() else ""
        order = ["mount", "-t", "tmpfs", "-o", f"{again}size={size}", "tmpfs", str(place)]
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        return place

    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("there is no tmpfs here")
    yield mount
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("size", [pytest.param("24k", marks=pytest.mark.long), "200k"])
def test_the_command_stops_on_a_full_disk_with_one_line_and_goes_on_when_there_is_space(
    command: Command, small_disk: Callable[[str], Path], size: str
) -> None:
    command = replace(command, store=small_disk(size) / "store")
    code, out, err = command("--seeds", "0-3")
    assert code == 2, out + err
    (line,) = [line for line in err.splitlines() if line.startswith("ecgbench: ")]
    assert str(command.store) in line
    assert "No space left on device" in line
    assert "Traceback" not in out + err
    fitted, done = command.fits, command.done
    assert fitted == list(range(len(fitted)))
    assert done == list(range(len(done)))
    finished = ended(command.store)
    assert len(done) in {"24k": {0}, "200k": {1, 2, 3}}[size]
    small_disk("16m")
    code, out, err = command("--seeds", "0-3")
    assert code == 0, out + err
    assert command.done == list(range(4))
    for file, content in finished.items():
        assert file.read_bytes() == content
    again = command.fits[len(fitted) :]
    assert again == [seed for seed in range(4) if seed not in {*done, *_fitted(finished)}]


def _fitted(finished: dict[Path, bytes]) -> set[int]:
    """Return the seeds of the cells with a record."""
    names = [file.parent.name for file in finished if file.name == "cell.json"]
    return {int(name.split("-")[1]) for name in names}
