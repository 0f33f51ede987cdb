"""A run may be killed at any call that changes a file: the next run loses nothing, repeats only
unfinished work, and ends as if nothing had happened.

Some calls are tried, spread evenly; with ``ECGBENCH_CRASH_POINTS=all`` every one.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ecgbench.results.store.lease import owners
from tests.store.conftest import ended, state, strays

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Rehearsals, Undisturbed

pytestmark = pytest.mark.slow

SOME = [6, pytest.param(24, marks=pytest.mark.long)]
"""Points to try for each way of dying, unless all are tried."""


def points(kinds: str, way: str, some: int) -> list[int]:
    """Return the numbers of the calls to die at."""
    found = [n for n, kind in enumerate(kinds, 1) if way != "half" or kind == "w"]
    if os.environ.get("ECGBENCH_CRASH_POINTS") == "all":
        return found
    # each way begins elsewhere, or they would see the same states of the disk
    first = ("before", "after", "half").index(way)
    return found[first :: max(1, len(found) // some)]


def test_a_rehearsal_is_the_same_each_time(
    rehearse: Rehearsals, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    again = rehearse(tmp_path / "store")
    assert again.kinds == undisturbed.kinds
    assert state(tmp_path / "store") == undisturbed.state
    assert again.fits == 2
    assert Counter(message["type"] for message in again.sent)["ScoreEnded"] == 12
    assert len(again.kinds) > 200
    assert set("owsrlud") <= set(again.kinds)


def test_a_rehearsal_of_what_is_done_does_nothing_again(
    rehearse: Rehearsals, tmp_path: Path
) -> None:
    rehearse(tmp_path / "store")
    before = ended(tmp_path / "store")
    again = rehearse(tmp_path / "store")
    assert (again.error, again.sent, again.trace) == (None, [], [])
    assert ended(tmp_path / "store") == before


@pytest.mark.parametrize("some", SOME)
@pytest.mark.parametrize("way", ["before", "after", "half"])
def test_a_run_that_is_killed_at_any_call_is_gone_on_with_as_if_nothing_had_happened(
    rehearse: Rehearsals, undisturbed: Undisturbed, tmp_path: Path, way: str, some: int
) -> None:
    failures = []
    for point in points(undisturbed.kinds, way, some):
        store = tmp_path / f"store-{point}"
        try:
            _die_and_go_on(rehearse, undisturbed, store, way, point)
        except AssertionError as failure:
            failures.append(f"{way} {point} ({undisturbed.kinds[point - 1]}): {failure}")
        shutil.rmtree(store, ignore_errors=True)
    assert not failures, "\n".join(failures)


def _die_and_go_on(
    rehearse: Rehearsals, undisturbed: Undisturbed, store: Path, way: str, point: int
) -> None:
    assert rehearse(store, way, point).killed, "it was not killed"
    before = ended(store)
    fitted = sum(file.name == "cell.json" and file.parts[-3] == "jitter" for file in before)
    scored = sum(file.parent.name == "scores" for file in before)
    again = rehearse(store)
    assert again.error is None
    assert again.asides == [], "something read was torn"
    assert not (store / "damaged").exists()
    assert again.fits == 2 - fitted, "a finished cell was fitted again, or a cell was not fitted"
    assert Counter(message["type"] for message in again.sent)["ScoreEnded"] == 12 - scored
    for file, content in before.items():
        assert file.read_bytes() == content, f"{file} has changed"
    assert strays(store) == [], "files of the killed writer are still there"
    assert owners(store) == {}, "a killed run is taken for a working one"
    for part in ("plans", "shared", "board"):
        for stray in strays(store, part):
            (store / stray).unlink()
    after = state(store)
    assert after.keys() == undisturbed.state.keys()
    for name, content in undisturbed.state.items():
        assert after[name] == content, f"{name} is unlike the file of an undisturbed run"
